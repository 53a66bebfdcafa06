/* The web of this world: what is fetched of URLs, and how long it takes. */
#include "testing/sim/world.h"

#include <stdlib.h>

struct sim_page *sim_web_page(struct sim_world *w, const char *url)
{
	for (size_t i = 0; i < w->page_count; i++)
		if (strcmp(w->pages[i].url, url) == 0)
			return &w->pages[i];
	if (w->page_count == SIM_PAGES_MAX)
		abort();
	snprintf(w->pages[w->page_count].url, sizeof(w->pages[0].url), "%s", url);
	return &w->pages[w->page_count++];
}

void sim_web_free(struct sim_world *w)
{
	for (size_t i = 0; i < w->page_count; i++)
		free((void *)w->pages[i].body.at);
	w->page_count = 0;
}

struct request {
	struct sim_page *page;
	struct sim_node *node;
	uint32_t life;
	size_t length;
	uint8_t body[512];
};

static void answer(struct sim_world *w, void *context, uint64_t ticket)
{
	struct request *q = context;
	struct sim_node *n = q->node;
	struct bytes made = { 0 }, body = q->page->body;

	if (q->page->respond)
		body = made = q->page->respond(q->page, bytes_of(q->body, q->length));
	sim_trace(w, "%s has fetched %s: %zu octets", n->name, q->page->url, body.length);
	if (n->engine && n->lives == q->life) {
		sim_node_enter(n);
		ike_engine_fetched(n->engine, sim_node_now(n), ticket, body,
			body.at ? NULL : "HTTP status 404");
		sim_node_leave(n);
	}
	free((void *)made.at);
}

bool sim_web_fetch(struct sim_node *n, const struct ike_fetch *what, uint64_t ticket)
{
	struct sim_world *w = n->world;
	struct request *q = calloc(1, sizeof(*q));

	if (!q || what->body.length > sizeof(q->body))
		abort();
	q->page = sim_web_page(w, what->url);
	q->node = n;
	q->life = n->lives;
	q->length = what->body.length;
	bytes_copy(q->body, what->body);
	q->page->asked[n->index]++;
	sim_trace(w, "%s fetches %s", n->name, what->url);
	if (q->page->silent) {
		free(q);
		return true;
	}
	sim_world_plan(w, w->now + q->page->delay + sim_random_between(&n->random, 1, 300), answer,
		q, ticket)
		->owns_context = true;
	return true;
}
