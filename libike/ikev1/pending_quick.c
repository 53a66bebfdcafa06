/* Not there yet. */
#include "libike/ikev1/ikev1.h"

bool ikev1_quick_start(
	struct ike_engine *e, struct ike_sa *sa, struct ike_task *task, struct ike_failure *failure)
{
	(void)e;
	(void)sa;
	(void)task;
	(void)failure;
	return false;
}

enum ikev1_outcome ikev1_quick_1(struct ikev1_received *x)
{
	(void)x;
	return IKEV1_IGNORE;
}

enum ikev1_outcome ikev1_quick_2(struct ikev1_received *x)
{
	(void)x;
	return IKEV1_IGNORE;
}

enum ikev1_outcome ikev1_quick_3(struct ikev1_received *x)
{
	(void)x;
	return IKEV1_IGNORE;
}

enum ikev1_outcome ikev1_quick_connected(struct ikev1_received *x)
{
	(void)x;
	return IKEV1_IGNORE;
}

void ikev1_quick_free(struct ikev1_quick *quick)
{
	(void)quick;
}

bool ikev1_quick_refused(struct ikev1_received *x, const struct isakmp_notify *n)
{
	(void)x;
	(void)n;
	return false;
}

void ikev1_rekey_child(struct ike_engine *e, struct ike_child *child)
{
	(void)e;
	(void)child;
}

void ikev1_quick_nonces(
	const struct ikev1_exchange *exchange, struct bytes *ret_i, struct bytes *ret_r)
{
	(void)exchange;
	*ret_i = *ret_r = (struct bytes){ 0 };
}

bool ikev1_quick_wake(struct ike_engine *e, struct ike_sa *sa)
{
	(void)e;
	(void)sa;
	return false;
}

ike_time ikev1_quick_deadline(const struct ike_sa *sa)
{
	(void)sa;
	return IKE_NEVER;
}

void ikev1_quick_repeated(struct ike_engine *e, struct ike_sa *sa, struct ikev1_exchange *exchange)
{
	(void)e;
	(void)sa;
	(void)exchange;
}
