/* Not there yet. */
#include "libike/ikev1/ikev1.h"

void ikev1_rekey_ike(struct ike_engine *e, struct ike_sa *sa)
{
	(void)e;
	(void)sa;
}

void ikev1_reauthenticate(struct ike_engine *e, struct ike_sa *sa)
{
	(void)e;
	(void)sa;
}

void ikev1_adopt(struct ike_engine *e, struct ike_sa *sa)
{
	(void)e;
	(void)sa;
}

void ikev1_responder_lifetime(struct ikev1_received *x, const struct isakmp_notify *n)
{
	(void)x;
	(void)n;
}

void ikev1_path_wake(struct ike_engine *e, struct ike_sa *sa)
{
	(void)e;
	(void)sa;
}
