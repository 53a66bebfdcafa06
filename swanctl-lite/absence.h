/*
 * Why no daemon answers: who holds IKE's ports, and what mends it. Needs no daemon.
 */
#ifndef SWANCTL_LITE_ABSENCE_H
#define SWANCTL_LITE_ABSENCE_H

#include <stdbool.h>
#include <stdint.h>

enum swanctl_absence {
	SWANCTL_NO_XFRM,       /* the kernel lacks what the daemon programs it by */
	SWANCTL_PORT_TAKEN,    /* another program has a port of IKE */
	SWANCTL_SOCKET_ABSENT, /* charon-lite runs, and does not answer there */
	SWANCTL_NOT_PERMITTED,
	SWANCTL_NOT_RUNNING,
	SWANCTL_ABSENCES,
};

const char *swanctl_absence_name(enum swanctl_absence absence); /* "port-taken" */
const char *swanctl_absence_meaning(enum swanctl_absence absence);
const char *swanctl_absence_cure(enum swanctl_absence absence);

/* Who has a UDP port of this host. */
struct swanctl_holder {
	uint16_t port; /* 0: nobody has any of those that were looked at */
	int pid;       /* 0: not found, as it takes root */
	char program[32];
	bool no_xfrm; /* whoever has it or not: the kernel lacks NETLINK_XFRM */
};

/* Of the two ports the first that somebody has. */
void swanctl_holder_find(const uint16_t ports[2], struct swanctl_holder *ret);

/* error: of connecting to the daemon's socket. */
enum swanctl_absence swanctl_absence_judge(const struct swanctl_holder *holder, int error);

/* The inode of the socket with that port in the text of /proc/net/udp or udp6; 0: nobody has it. */
unsigned long swanctl_udp_inode(const char *text, uint16_t port);

#endif
