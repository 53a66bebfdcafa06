/*
 * A place in the engine's list of deadlines: embedded in what has to be woken. Set through
 * ike_timer_set() (sa/schedule.c) only.
 */
#ifndef LIBIKE_SA_TIMER_H
#define LIBIKE_SA_TIMER_H

#include "libike/host.h"

enum ike_timer_kind {
	IKE_TIMER_SA,   /* in a struct ike_sa */
	IKE_TIMER_WISH, /* in a struct ike_wish */
	IKE_TIMER_NAME, /* in a struct ike_lookup */
	IKE_TIMER_REVOCATION,
};

struct ike_timer {
	ike_time at; /* IKE_NEVER: nothing to wake for */
	uint32_t index;
	uint8_t kind; /* enum ike_timer_kind */
};

#endif
