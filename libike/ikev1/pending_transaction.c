/* Not there yet. */
#include "libike/ikev1/ikev1.h"

enum ikev1_outcome ikev1_transaction_request(struct ikev1_received *x)
{
	(void)x;
	return IKEV1_IGNORE;
}

enum ikev1_outcome ikev1_transaction_answer(struct ikev1_received *x)
{
	(void)x;
	return IKEV1_IGNORE;
}

void ikev1_transaction_free(struct ikev1_transaction *transaction)
{
	(void)transaction;
}

bool ikev1_transactions_go_on(struct ike_engine *e, struct ike_sa *sa, struct ike_failure *failure)
{
	(void)e;
	(void)sa;
	(void)failure;
	return false;
}

bool ikev1_transactions_pending(const struct ike_sa *sa)
{
	(void)sa;
	return false;
}

void ikev1_xauth_free(struct ikev1_xauth *xauth)
{
	(void)xauth;
}

void ikev1_transactions_resume(struct ike_engine *e, struct ike_sa *sa)
{
	(void)e;
	(void)sa;
}
