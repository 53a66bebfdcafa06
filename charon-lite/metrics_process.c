/* Metrics of this process, and of the kernel's IPsec as a whole. */
#include "charon-lite/metrics_priv.h"
#include "charon-lite/turns.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

bool cl_metric_write_process_memory(struct cl_metric_writer *w)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint64_t pages;

	if (file && fscanf(file, "%*s %" SCNu64, &pages) == 1)
		cl_metric_put(w, pages * (uint64_t)sysconf(_SC_PAGESIZE), NULL);
	if (file)
		fclose(file);
	return false;
}

static uint64_t microseconds(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec;
}

bool cl_metric_write_process_cpu(struct cl_metric_writer *w)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) == 0)
		cl_metric_put_microseconds(
			w, microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime), NULL);
	return false;
}

/* Of this network namespace; the file is missing in kernels without CONFIG_XFRM_STATISTICS. */
bool cl_metric_write_xfrm_errors(struct cl_metric_writer *w)
{
	FILE *file = fopen("/proc/self/net/xfrm_stat", "re");
	char name[64];
	uint64_t value;

	while (file && fscanf(file, "%63s %" SCNu64, name, &value) == 2)
		cl_metric_put(w, value, "name", name, NULL);
	if (file)
		fclose(file);
	return false;
}

bool cl_metric_write_turns(struct cl_metric_writer *w)
{
	/* In the words of OpenMetrics, which cl_turn_bounds has as numbers. */
	static const char *const bounds[CL_TURN_BOUNDS] = { "0.0001", "0.001", "0.005", "0.02",
		"0.1", "0.5", "2.0", "10.0" };
	struct cl_turns_seen seen;
	uint64_t count = 0;

	cl_turns_seen(w->daemon->turns, &seen);
	for (size_t i = 0; i < CL_TURN_BOUNDS; i++) {
		count += seen.counts[i];
		cl_metric_put_part(w, "_bucket", count, "le", bounds[i], NULL);
	}
	count += seen.counts[CL_TURN_BOUNDS];
	cl_metric_put_part(w, "_bucket", count, "le", "+Inf", NULL);
	cl_metric_put_part(w, "_count", count, NULL);
	evbuffer_add_printf(w->out, "%s_sum %" PRIu64 ".%06" PRIu64 "\n", w->metric->about.name,
		seen.microseconds / 1000000, seen.microseconds % 1000000);
	return false;
}
