/*
 * The screen of --monitor: curses (ncurses), its keys, and what it shows.
 */
#ifndef SWANCTL_LITE_MONITOR_SCREEN_H
#define SWANCTL_LITE_MONITOR_SCREEN_H

#include "libbase/why.h"
#include "swanctl-lite/tunnels.h"

#define MONITOR_FILTER_MAX 64

struct monitor_view {
	struct tunnels tunnels;
	struct tunnel_totals totals;
	const char *title;  /* whose tunnels */
	struct why problem; /* why the rows are old; "" */
	unsigned every;     /* milliseconds between two looks */
	enum tunnel_order order;
	bool reverse;
	bool paused;
	bool helping;   /* the keys are shown */
	bool filtering; /* a filter is being typed */
	char filter[MONITOR_FILTER_MAX];
	size_t top; /* the first row that is shown */
};

/* False when this terminal cannot do it. */
bool monitor_screen_open(void);
void monitor_screen_close(void);

void monitor_screen_draw(struct monitor_view *view);

/* Takes all keys that were pressed. False: it is over. */
bool monitor_screen_keys(struct monitor_view *view);

#endif
