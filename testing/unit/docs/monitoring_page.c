/* docs/monitoring.md, with the table of metrics. */
#include "testing/unit/docs/pages.h"

#include "charon-lite/metrics.h"

#include <string.h>

static void print_row(FILE *file, const struct cl_metric_description *m)
{
	const char *suffix = strcmp(m->type, "counter") == 0     ? "_total"
			     : strcmp(m->type, "info") == 0      ? "_info"
			     : strcmp(m->type, "histogram") == 0 ? "_bucket, _sum, _count"
								 : "";

	fprintf(file, "| `%s%s` | %s | %s | %s |\n", m->name, suffix, m->type, m->labels, m->help);
}

void print_monitoring_page(FILE *file)
{
	struct cl_metric_description metric;

	fputs("# Watching charon-lite by metrics\n"
	      "\n"
	      "This page is printed from `charon-lite/metrics_table.c` and "
	      "`testing/unit/docs/monitoring_page.c`; the\n"
	      "unit test `docs` says how when it differs.\n"
	      "\n"
	      "    charon-lite {\n"
	      "        metrics = tcp://127.0.0.1:9110    # or unix:///run/charon-lite/metrics, or "
	      "both with a comma\n"
	      "    }\n"
	      "\n"
	      "Nothing is served without this setting, which is read at the start. By TCP only "
	      "addresses of the loopback\n"
	      "are listened on, as nobody who connects is asked who he is; the socket has mode "
	      "0660. `GET /metrics` gives\n"
	      "OpenMetrics 1.0 to who accepts it (Prometheus does) and Prometheus' text format "
	      "0.0.4 to all others:\n"
	      "\n"
	      "    curl -s http://127.0.0.1:9110/metrics\n"
	      "    curl -s --unix-socket /run/charon-lite/metrics http://localhost/metrics\n"
	      "\n"
	      "Prometheus cannot scrape a unix socket; that is for programs that forward (or for "
	      "curl). For Prometheus on\n"
	      "this machine:\n"
	      "\n"
	      "    scrape_configs:\n"
	      "      - job_name: charon-lite\n"
	      "        static_configs:\n"
	      "          - targets: [\"127.0.0.1:9110\"]\n"
	      "\n"
	      "## What it costs\n"
	      "\n"
	      "Without the setting nothing. With it, what SAs have carried is asked of the kernel "
	      "by one request for all of\n"
	      "them, at most once in a second, however many ask; the look at all SAs is one turn "
	      "of "
	      "the event loop, and the\n"
	      "text goes out in pieces of 32 KiB with other work between them. At most 16 clients "
	      "are connected at a time;\n"
	      "one that reads nothing for 20 s, or asks nothing for 70 s, is disconnected. When an "
	      "SA goes, the kernel is\n"
	      "asked once more what it carried.\n"
	      "\n"
	      "Labels are names of connections, children and pools that are loaded, subjects of "
	      "certificates that are loaded,\n"
	      "and words of charon-lite's own: what peers send never makes a new series. Families "
	      "with the label\n"
	      "`connection` have about 20 series for each connection with one child.\n"
	      "\n"
	      "## What is what\n"
	      "\n"
	      "- Bytes and packets are the kernel's, as `ip -s xfrm state` and `swanctl-lite "
	      "--list-sas` show them, summed\n"
	      "  over all SAs of a child, those included that were rekeyed or deleted since the "
	      "daemon started. They never\n"
	      "  become less. Packets that come between the last look and an SA's removal are "
	      "missing.\n"
	      "- `charon_lite_messages_total` are strongSwan's counters (`get-counters` of VICI), "
	      "which `--counters --reset`\n"
	      "  resets; all others count from the daemon's start.\n"
	      "- A reason of a failure is the word that the log and `swanctl-lite --explain` have; "
	      "of a connection only those\n"
	      "  are there that have happened.\n"
	      "- `charon_lite_loop_turn_seconds` counts turns of the event loop in which packets, "
	      "timers, the kernel, VICI or\n"
	      "  metrics were dealt with. There is one thread: a turn of 0.5 s is 0.5 s without "
	      "answers.\n"
	      "- `process_resident_memory_bytes` over the number of IKE SAs is an upper bound of "
	      "what one takes.\n"
	      "\n"
	      "## All metrics\n"
	      "\n"
	      "| metric | type | labels | meaning |\n"
	      "| --- | --- | --- | --- |\n",
		file);
	for (size_t i = 0; cl_metric_describe(i, &metric); i++)
		print_row(file, &metric);
}
