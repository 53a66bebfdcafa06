/* Not there yet. */
#include "libike/ikev1/ikev1.h"

void ikev1_nat_build(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b)
{
	(void)e;
	(void)sa;
	(void)b;
}

void ikev1_nat_read(struct ikev1_received *x)
{
	(void)x;
}

void ikev1_nat_float(struct ike_engine *e, struct ike_sa *sa)
{
	(void)e;
	(void)sa;
}

uint16_t ikev1_nat_encapsulation(const struct ike_sa *sa, uint8_t mode)
{
	(void)sa;
	(void)mode;
	return 0;
}

bool ikev1_nat_mode(const struct ike_sa *sa, uint16_t encapsulation, uint8_t *ret_mode)
{
	(void)sa;
	(void)encapsulation;
	(void)ret_mode;
	return false;
}

void ikev1_nat_build_oa(
	struct ike_engine *e, struct ike_sa *sa, uint8_t mode, struct ike_builder *b)
{
	(void)e;
	(void)sa;
	(void)mode;
	(void)b;
}

enum ikev1_outcome ikev1_informational(struct ikev1_received *x)
{
	(void)x;
	return IKEV1_IGNORE;
}

void ikev1_delete_ike(struct ike_engine *e, struct ike_sa *sa, bool force, uint64_t ticket,
	const struct ike_failure *why)
{
	(void)e;
	(void)sa;
	(void)force;
	(void)ticket;
	(void)why;
}

void ikev1_delete_child(struct ike_engine *e, struct ike_child *child, bool force, uint64_t ticket,
	enum ike_reason reason)
{
	(void)e;
	(void)child;
	(void)force;
	(void)ticket;
	(void)reason;
}

void ikev1_delete_once(struct ike_engine *e, struct ike_sa *sa)
{
	(void)e;
	(void)sa;
}

bool ikev1_delete_child_start(struct ike_engine *e, struct ike_sa *sa, struct ike_task *task)
{
	(void)e;
	(void)sa;
	(void)task;
	return false;
}

enum ike_reason ikev1_notify_reason(uint16_t type)
{
	(void)type;
	return 0;
}

bool ikev1_liveness_start(struct ike_engine *e, struct ike_sa *sa)
{
	(void)e;
	(void)sa;
	return false;
}

void ikev1_liveness_notified(struct ikev1_received *x, const struct isakmp_notify *n)
{
	(void)x;
	(void)n;
}

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
