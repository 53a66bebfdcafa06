#include "charon-lite/daemon.h"

ike_time cl_daemon_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (ike_time)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
