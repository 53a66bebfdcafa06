#include "swanctl-lite/monitor_screen.h"

#include "swanctl-lite/columns.h"

#include <curses.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <time.h>
#include <unistd.h>

#define HEAD_LINES 3 /* title, totals, names of columns */

static const struct column {
	const char *name;
	int width; /* at most; negative: to the right */
} columns_shown[] = {
	{ "TUNNEL", 32 },
	{ "STATE", 11 },
	{ "REMOTE", 22 },
	{ "IN", -7 },
	{ "OUT", -7 },
	{ "UP FOR", -8 },
	{ "REKEY IN", -8 },
	{ "LAST EVENT", 60 },
};
#define COLUMNS (sizeof(columns_shown) / sizeof(*columns_shown))

/* https://no-color.org */
static bool colours_are_wanted(void)
{
	const char *none = getenv("NO_COLOR");

	return !none || !*none;
}

/* One that is not known, or that cannot go to a place (TERM=dumb), is none for us. Asked before
 * newterm(), which leaves memory behind when it fails. */
static bool can_move(void)
{
	static char name[] = "cup";
	const char *sequence;
	bool can;
	int error;

	if (setupterm(NULL, STDOUT_FILENO, &error) != OK)
		return false;
	sequence = tigetstr(name);
	can = sequence && sequence != (const char *)-1;
	del_curterm(cur_term);
	return can;
}

bool monitor_screen_open(void)
{
	static const short colours[TUNNEL_CLASSES] = { [TUNNEL_UP] = COLOR_GREEN,
		[TUNNEL_CHANGING] = COLOR_YELLOW,
		[TUNNEL_DOWN] = COLOR_RED,
		[TUNNEL_RESTING] = COLOR_CYAN };

	if (!can_move() || !newterm(NULL, stdout, stdin))
		return false;
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	if (has_colors() && colours_are_wanted()) {
		start_color();
		use_default_colors();
		for (short i = 0; i < TUNNEL_CLASSES; i++)
			init_pair((short)(i + 1), colours[i], -1);
	}
	return true;
}

void monitor_screen_close(void)
{
	endwin();
}

/* ---- Drawing ---- */

static void draw_row(int y, const char *const texts[COLUMNS])
{
	int x = 0;

	for (size_t i = 0; i < COLUMNS && x < COLS; i++) {
		int width = abs(columns_shown[i].width), room = COLS - x < width ? COLS - x : width;

		int taken, length = (int)columns_cut(texts[i], room, &taken);

		mvprintw(y, x, columns_shown[i].width < 0 ? "%*.*s" : "%-*.*s",
			length + room - taken, length, texts[i]);
		x += width + 1;
	}
}

static void draw_tunnel(int y, const struct tunnel *t)
{
	char in[16], out[16], since[24], rekey[24], event[160];
	const bool up = t->child_id != 0;
	const char *const texts[COLUMNS] = { t->name, t->state, t->remote,
		up ? tunnel_rate(t->rate_in, in) : "", up ? tunnel_rate(t->rate_out, out) : "",
		tunnel_span(t->since, since), tunnel_span(t->rekey, rekey),
		tunnel_event(t, event) };
	attr_t attributes = (attr_t)COLOR_PAIR((int)tunnel_class(t) + 1);

	attron(attributes);
	draw_row(y, texts);
	attroff(attributes);
}

/* Not on into the next line where there is no room. */
__attribute__((format(printf, 2, 3))) static void draw_text(int y, const char *format, ...)
{
	char text[512];
	int taken;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	mvaddnstr(y, 0, text, (int)columns_cut(text, COLS, &taken));
}

static void draw_title(const struct monitor_view *view)
{
	const bool problem = view->problem.text[0];
	char clock[16] = "";
	time_t now = time(NULL);
	struct tm broken;

	if (localtime_r(&now, &broken))
		strftime(clock, sizeof(clock), "%H:%M:%S", &broken);
	attron(problem ? A_BOLD : A_NORMAL);
	draw_text(0, "%s  %s%s%s%s", view->title, clock, view->paused ? "  paused" : "",
		problem ? "  NO ANSWER: " : "", view->problem.text);
	attroff(A_BOLD);
}

static void draw_head(const struct monitor_view *view)
{
	const struct tunnel_totals *totals = &view->totals;
	const char *names[COLUMNS];
	char in[16], out[16];

	draw_title(view);
	draw_text(1,
		"%u up, %u changing, %u down, %u resting; in %sbit/s, out %sbit/s; every %u.%u s, "
		"by %s%s",
		totals->of[TUNNEL_UP], totals->of[TUNNEL_CHANGING], totals->of[TUNNEL_DOWN],
		totals->of[TUNNEL_RESTING], tunnel_rate(totals->rate_in, in),
		tunnel_rate(totals->rate_out, out), view->every / 1000, view->every % 1000 / 100,
		tunnel_order_name(view->order), view->reverse ? ", reversed" : "");
	for (size_t i = 0; i < COLUMNS; i++)
		names[i] = columns_shown[i].name;
	attron(A_REVERSE);
	mvhline(2, 0, ' ', COLS);
	draw_row(2, names);
	attroff(A_REVERSE);
}

static void draw_foot(const struct monitor_view *view, size_t shown, size_t count)
{
	bool filter = view->filtering || view->filter[0];

	draw_text(LINES - 1,
		"%s%s%s%s%zu of %zu  q quit  s sort  r reverse  / filter  p pause  h keys",
		filter ? "/" : "", filter ? view->filter : "", view->filtering ? "_" : "",
		filter ? "  " : "", shown, count);
}

static void draw_help(void)
{
	static const char *const rows[] = {
		"Keys",
		"",
		"q, ^C          quit",
		"s              sort by name, state, rate, time to rekeying",
		"r              the other way round",
		"/              show only what contains a text: name, state, address, reason",
		"               Enter keeps it, Escape takes it away",
		"p, blank       pause",
		"arrows, j, k   up and down; Page Up, Page Down, Home, End",
		"^L             draw all anew",
		"h, ?           this; any key goes back",
		"",
		"Rates are bits a second of what is inside the tunnel, since the look before.",
		"resting: waits for a packet (TRAPPED) or a peer (IDLE)",
		"down: wanted, and not there",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		draw_text((int)i + 1, "  %s", rows[i]);
}

static size_t page(void)
{
	return LINES > HEAD_LINES + 1 ? (size_t)(LINES - HEAD_LINES - 1) : 1;
}

static void draw_tunnels(struct monitor_view *view)
{
	size_t count;
	size_t *order =
		tunnels_sorted(&view->tunnels, view->order, view->reverse, view->filter, &count);

	if (view->top + page() > count)
		view->top = count > page() ? count - page() : 0;
	for (size_t i = view->top; i < count && i < view->top + page(); i++)
		draw_tunnel(HEAD_LINES + (int)(i - view->top), &view->tunnels.rows[order[i]]);
	free(order);
	draw_foot(view, count, view->tunnels.count);
}

void monitor_screen_draw(struct monitor_view *view)
{
	erase();
	if (view->helping) {
		draw_help();
	} else {
		draw_head(view);
		draw_tunnels(view);
	}
	refresh();
}

/* ---- Keys ---- */

/* Characters beyond ASCII come octet by octet; none begins that might not fit. */
static bool is_text(int key, size_t length)
{
	if (key >= 0x80 && key <= 0xff)
		return length + (key >= 0xc0 ? MB_LEN_MAX : 1) < MONITOR_FILTER_MAX;
	return key >= ' ' && key < 127 && length + 1 < MONITOR_FILTER_MAX;
}

/* Without its last character. */
static size_t shortened(const char *filter, size_t length)
{
	do
		length--;
	while (length > 0 && ((unsigned char)filter[length] & 0xc0) == 0x80);
	return length;
}

static void filter_key(struct monitor_view *view, int key)
{
	size_t length = strlen(view->filter);

	if (key == '\n' || key == KEY_ENTER) {
		view->filtering = false;
	} else if (key == 27) {
		view->filtering = false;
		view->filter[0] = '\0';
	} else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && length > 0) {
		view->filter[shortened(view->filter, length)] = '\0';
	} else if (is_text(key, length)) {
		view->filter[length] = (char)key;
		view->filter[length + 1] = '\0';
	}
	view->top = 0;
}

static void move_key(struct monitor_view *view, int key)
{
	size_t by = key == KEY_PPAGE || key == KEY_NPAGE ? page() : 1;

	switch (key) {
	case KEY_UP:
	case 'k':
	case KEY_PPAGE:
		view->top = view->top > by ? view->top - by : 0;
		break;
	case KEY_DOWN:
	case 'j':
	case KEY_NPAGE:
		view->top += by;
		break;
	case KEY_HOME:
		view->top = 0;
		break;
	case KEY_END:
		view->top = view->tunnels.count;
		break;
	default:
		break;
	}
}

static bool command_key(struct monitor_view *view, int key)
{
	switch (key) {
	case 'q':
		return false;
	case 's':
		view->order = (enum tunnel_order)((view->order + 1) % TUNNEL_ORDERS);
		break;
	case 'r':
		view->reverse = !view->reverse;
		break;
	case '/':
		view->filtering = true;
		break;
	case 27:
		view->filter[0] = '\0';
		break;
	case 'p':
	case ' ':
		view->paused = !view->paused;
		break;
	case 'L' & 0x1f:
		clearok(curscr, TRUE);
		break;
	case 'h':
	case '?':
		view->helping = true;
		break;
	default:
		move_key(view, key);
	}
	return true;
}

bool monitor_screen_keys(struct monitor_view *view)
{
	int key;

	while ((key = getch()) != ERR) {
		if (key == KEY_RESIZE)
			continue;
		if (view->helping)
			view->helping = false;
		else if (view->filtering)
			filter_key(view, key);
		else if (!command_key(view, key))
			return false;
	}
	return true;
}
