/* Not there yet. */
#include "libike/ikev1/ikev1.h"

bool ikev1_proof_skeyid(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	(void)e;
	(void)sa;
	(void)failure;
	return false;
}

enum ikev1_outcome ikev1_proof_build(
	struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b, struct ike_failure *failure)
{
	(void)e;
	(void)sa;
	(void)b;
	(void)failure;
	return IKEV1_IGNORE;
}

enum ikev1_outcome ikev1_proof_verify(struct ikev1_received *x)
{
	(void)x;
	return IKEV1_IGNORE;
}

void ikev1_proof_build_certreq(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b)
{
	(void)e;
	(void)sa;
	(void)b;
}

bool ikev1_proof_read_certreq(struct ikev1_received *x)
{
	(void)x;
	return false;
}

void ikev1_proof_free(struct ikev1_proof *proof)
{
	(void)proof;
}
