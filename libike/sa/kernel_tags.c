/*
 * %unique and %unique-dir: marks and interface ids that are drawn, so that each SA has its own.
 *
 * A CHILD_SA's own are drawn when it is made and passed on by rekeying; those of a connection are
 * the IKE SA's, for all its children. Marks and interface ids are counted apart, from 1.
 */
#include "libike/sa/sa_priv.h"

static bool is_special(uint32_t value)
{
	return value >= IKE_MARK_SAME;
}

static uint32_t draw(uint32_t *last)
{
	do
		++*last;
	while (*last == 0 || is_special(*last));
	return *last;
}

/* One number for both directions, or one for each. */
static void draw_pair(
	uint32_t *last, uint32_t *in, uint32_t *out, uint32_t unique, uint32_t unique_dir)
{
	bool in_drawn = *in == unique || *in == unique_dir;
	bool out_drawn = *out == unique || *out == unique_dir;
	bool apart = *in == unique_dir || *out == unique_dir;
	uint32_t number = (in_drawn || out_drawn) && !apart ? draw(last) : 0;

	if (in_drawn)
		*in = apart ? draw(last) : number;
	if (out_drawn)
		*out = apart ? draw(last) : number;
}

void ike_draw_marks(struct ike_engine *e, struct ike_mark *in, struct ike_mark *out)
{
	draw_pair(&e->last_mark, &in->value, &out->value, IKE_MARK_UNIQUE, IKE_MARK_UNIQUE_DIR);
}

void ike_draw_if_ids(struct ike_engine *e, uint32_t *in, uint32_t *out)
{
	draw_pair(&e->last_if_id, in, out, IKE_IF_ID_UNIQUE, IKE_IF_ID_UNIQUE_DIR);
}

/* The connection's, as this IKE SA has them. */
static void ids_of_sa(struct ike_engine *e, struct ike_sa *sa, const struct ike_connection *c,
	uint32_t *in, uint32_t *out)
{
	*in = c->if_id_in;
	*out = c->if_id_out;
	if (!ike_if_id_is_drawn(*in) && !ike_if_id_is_drawn(*out))
		return;
	if (sa->if_id_in == 0 && sa->if_id_out == 0) {
		sa->if_id_in = *in;
		sa->if_id_out = *out;
		ike_draw_if_ids(e, &sa->if_id_in, &sa->if_id_out);
	}
	*in = sa->if_id_in;
	*out = sa->if_id_out;
}

void ike_child_if_ids(struct ike_engine *e, struct ike_sa *sa,
	const struct ike_child_config *config, uint32_t *in, uint32_t *out)
{
	uint32_t sa_in = 0, sa_out = 0;

	*in = config->if_id_in;
	*out = config->if_id_out;
	if (*in == 0 || *out == 0)
		ids_of_sa(e, sa, config->connection, &sa_in, &sa_out);
	ike_draw_if_ids(e, in, out);
	*in = *in ? *in : sa_in;
	*out = *out ? *out : sa_out;
}
