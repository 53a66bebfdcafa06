/*
 * --graph: this gateway, its peers, the networks at both ends and how each tunnel is, as a graph in
 * DOT, or drawn by Graphviz' dot as SVG.
 */
#include "swanctl-lite/command.h"
#include "swanctl-lite/tunnels.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uthash.h>

/* A line to a network that is drawn: once is enough. */
struct line {
	UT_hash_handle hh;
	char key[];
};

struct graph {
	FILE *to;
	struct line *lines;
	struct tunnels tunnels;
	size_t *by_name; /* indices of tunnels.rows */
	size_t count;
};

static const struct {
	const char *colour, *style;
} looks[TUNNEL_CLASSES] = {
	[TUNNEL_UP] = { "#2e8b57", "solid" },
	[TUNNEL_CHANGING] = { "#d08000", "solid" },
	[TUNNEL_DOWN] = { "#c0392b", "bold" },
	[TUNNEL_RESTING] = { "#7f8c8d", "dashed" },
};

/* A text within the quotes of DOT. */
static void put_text(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', to);
		putc((unsigned char)*text < ' ' ? '?' : *text, to);
	}
}

static void put_node(FILE *to, const char *kind, const char *name)
{
	fprintf(to, "\"%s ", kind);
	put_text(to, name);
	putc('"', to);
}

/* "12.3 MB" */
static const char *size(uint64_t bytes, char room[24])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 999.5 && unit < 5) {
		value /= 1000;
		unit++;
	}
	snprintf(room, 24, unit == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s", value, units[unit]);
	return room;
}

/* ---- A child: its SAs, or why there are none ---- */

struct child {
	enum tunnel_class class;
	unsigned up;
	const struct tunnel *row; /* the one that tells most; NULL: not listed (pass, drop) */
	uint64_t bytes_in, bytes_out;
};

/* The first row of that name or one behind it. */
static size_t first_of(const struct graph *g, const char *name)
{
	size_t low = 0, high = g->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(g->tunnels.rows[g->by_name[middle]].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct child find_child(const struct graph *g, const char *connection, const char *child)
{
	struct child found = { .class = TUNNEL_RESTING };
	char name[TUNNEL_NAME_MAX];

	snprintf(name, sizeof(name), "%.120s/%.120s", connection, child);
	for (size_t i = first_of(g, name); i < g->count; i++) {
		const struct tunnel *row = &g->tunnels.rows[g->by_name[i]];

		if (strcmp(row->name, name) != 0)
			break;
		enum tunnel_class class = tunnel_class(row);
		if (!found.row || class < found.class) {
			found.row = row;
			found.class = class;
		}
		found.up += class == TUNNEL_UP;
		found.bytes_in += row->bytes_in;
		found.bytes_out += row->bytes_out;
	}
	return found;
}

static void put_child(FILE *to, const char *name, const struct child *child)
{
	char in[24], out[24], event[160];

	fputs("\\n", to);
	put_text(to, name);
	if (child->up > 1)
		fprintf(to, ": %u up", child->up);
	else
		fprintf(to, ": %s", child->row->state);
	if (child->up > 0) {
		fprintf(to, ", in %s, out %s", size(child->bytes_in, in),
			size(child->bytes_out, out));
		return;
	}
	tunnel_event(child->row, event);
	if (event[0]) {
		fputs(", ", to);
		put_text(to, event);
	}
}

/* ---- A connection ---- */

static bool is_drawn(struct graph *g, const char *node, const char *network)
{
	size_t length = strlen(node) + strlen(network) + 2;
	struct line *line = malloc(sizeof(*line) + length), *there;

	if (!line)
		return false;
	snprintf(line->key, length, "%s\n%s", node, network);
	HASH_FIND_STR(g->lines, line->key, there);
	if (there)
		free(line);
	else
		HASH_ADD_STR(g->lines, key, line);
	return there != NULL;
}

/* From left to right: networks here, here, peers, networks there. peer is NULL for here. */
static void put_network(struct graph *g, const char *peer, const char *name)
{
	if (strcmp(name, "dynamic") == 0 || is_drawn(g, peer ? peer : "", name))
		return;
	putc('\t', g->to);
	put_node(g->to, "net", name);
	fputs(" [shape=box style=\"rounded,filled\" fillcolor=\"#eef3f8\" label=\"", g->to);
	put_text(g->to, name);
	fputs("\"];\n\t", g->to);
	if (peer) {
		put_node(g->to, "peer", peer);
		fputs(" -- ", g->to);
	}
	put_node(g->to, "net", name);
	fprintf(g->to, "%s [color=\"#b0b8c0\"];\n", peer ? "" : " -- here");
}

static void put_networks(struct graph *g, const char *peer, struct vici_view list)
{
	char name[SWANCTL_TEXT_ROOM];

	VICI_EACH(each, list)
	{
		struct bytes value = vici_value(each);

		snprintf(name, sizeof(name), "%.*s", (int)value.length, (const char *)value.at);
		put_network(g, peer, name);
	}
}

static void forget_lines(struct graph *g)
{
	struct line *line, *next;

	HASH_ITER(hh, g->lines, line, next)
	{
		HASH_DEL(g->lines, line);
		free(line);
	}
}

/* "%any" and the like are no address of anybody. */
static bool is_somebody(const char *text)
{
	return text[0] && strchr("%0", text[0]) == NULL && !strchr(text, '*');
}

static void name_peer(struct vici_view connection, const char *name, char peer[SWANCTL_TEXT_ROOM])
{
	struct vici_view address = vici_first(vici_find(connection, "remote_addrs"));
	const char *id = SWANCTL_GAP_OF(vici_find(connection, "remote-1"), "id");
	struct bytes value = vici_value(address);

	snprintf(peer, SWANCTL_TEXT_ROOM, "%.*s", (int)value.length, (const char *)value.at);
	if (is_somebody(id))
		snprintf(peer, SWANCTL_TEXT_ROOM, "%s", id);
	else if (!vici_present(address) || !is_somebody(peer))
		snprintf(peer, SWANCTL_TEXT_ROOM, "peers of %.900s", name);
}

/* The edge of a connection: a line for each child, the colour of the worst. */
static bool put_edge(
	const struct graph *g, struct vici_view connection, const char *name, const char *peer)
{
	static const int rank[TUNNEL_CLASSES] = {
		[TUNNEL_RESTING] = 0, [TUNNEL_UP] = 1, [TUNNEL_CHANGING] = 2, [TUNNEL_DOWN] = 3
	};
	enum tunnel_class worst = TUNNEL_UP;
	bool any = false;
	char child_name[SWANCTL_TEXT_ROOM];

	VICI_EACH(child, vici_find(connection, "children"))
	{
		swanctl_name(child, child_name);
		struct child found = find_child(g, name, child_name);

		if (!found.row)
			continue;
		if (!any) {
			fputs("\there -- ", g->to);
			put_node(g->to, "peer", peer);
			fputs(" [label=\"", g->to);
			put_text(g->to, name);
			worst = found.class;
		}
		any = true;
		put_child(g->to, child_name, &found);
		if (rank[found.class] > rank[worst])
			worst = found.class;
	}
	if (any)
		fprintf(g->to, "\" color=\"%s\" fontcolor=\"%s\" style=%s];\n", looks[worst].colour,
			looks[worst].colour, looks[worst].style);
	return any;
}

static void put_connection(struct graph *g, struct vici_view connection)
{
	char name[SWANCTL_TEXT_ROOM], peer[SWANCTL_TEXT_ROOM];

	swanctl_name(connection, name);
	name_peer(connection, name, peer);
	if (!put_edge(g, connection, name, peer))
		return;
	putc('\t', g->to);
	put_node(g->to, "peer", peer);
	fputs(" [shape=ellipse label=\"", g->to);
	put_text(g->to, peer);
	fputs("\"];\n", g->to);
	VICI_EACH(child, vici_find(connection, "children"))
	{
		put_networks(g, NULL, vici_find(child, "local-ts"));
		put_networks(g, peer, vici_find(child, "remote-ts"));
	}
}

/* ---- The whole ---- */

static void on_tunnels(void *context, struct bytes event, struct vici_view message)
{
	struct graph *g = context;

	(void)event;
	tunnels_add(&g->tunnels, message);
}

static void on_connection(void *context, struct bytes event, struct vici_view message)
{
	(void)event;
	VICI_EACH(connection, message)
	put_connection(context, connection);
}

static bool fill(struct swanctl *s, struct graph *g, int *ret_status)
{
	static const char *const tunnels[] = { "list-tunnels" }, *const conns[] = { "list-conn" };
	struct vici_call first = { "list-tunnels", NULL, tunnels, 1, on_tunnels, g };
	struct vici_call second = { "list-conns", NULL, conns, 1, on_connection, g };
	struct vici_view answer;
	char host[256] = "";

	if (!swanctl_call(s, &first, &answer, ret_status))
		return false;
	(void)tunnels_end(&g->tunnels);
	g->by_name = tunnels_sorted(&g->tunnels, TUNNEL_BY_NAME, false, "", &g->count);
	(void)gethostname(host, sizeof(host) - 1);
	fputs("graph tunnels {\n\trankdir=LR;\n\tnode [fontname=\"sans-serif\"];\n"
	      "\tedge [fontname=\"sans-serif\" fontsize=10];\n"
	      "\there [shape=box style=filled fillcolor=\"#d6e4f0\" label=\"",
		g->to);
	put_text(g->to, host);
	fputs("\"];\n", g->to);
	bool ok = swanctl_call(s, &second, &answer, ret_status);
	fputs("}\n", g->to);
	free(g->by_name);
	forget_lines(g);
	return ok;
}

/* Graphviz draws; without it there is no picture. */
static int draw(struct swanctl *s, struct graph *g)
{
	int status = 0;

	fflush(stdout);
	signal(SIGPIPE, SIG_IGN); /* a dot that is not there says so by its exit code */
	g->to = popen("dot -Tsvg", "we");
	if (!g->to)
		return errno;
	bool ok = fill(s, g, &status);
	int ended = pclose(g->to);
	if (ok && WIFEXITED(ended) && WEXITSTATUS(ended) == 127)
		fprintf(stderr, "--svg needs Graphviz: apt install graphviz\n");
	if (ok && ended != 0)
		return ENOENT;
	return status;
}

static int run(struct swanctl *s)
{
	struct graph g = { .to = stdout };
	int status = 0;

	tunnels_begin(&g.tunnels, 1);
	/* before dot is started */
	if (!swanctl_connect(s, &status))
		return status;
	if (swanctl_given(s, 'S'))
		status = draw(s, &g);
	else
		(void)fill(s, &g, &status);
	tunnels_free(&g.tunnels);
	return status;
}

const struct swanctl_command swanctl_graph = {
	.name = "graph",
	.letter = 'G',
	.text = "draw peers, networks and tunnels",
	.usage = { "[--svg]" },
	.options = {
		{ "svg", 'S', false, "as SVG, drawn by Graphviz, instead of DOT" },
	},
	.run = run,
};
