/*
 * processors: the kernel's SAs in this network namespace, one a line: SPI, the processor that it is
 * for (any: of all), in or out as the kernel was told (or -), packets, UDP ports of the
 * encapsulation (SOURCE:DESTINATION, or -). What iproute2 of Debian 12 does not show.
 */
#include "libxfrm/xfrm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print(
	void *context, const struct xfrm_state *state, const struct xfrm_state_status *status)
{
	static const char *const directions[] = { "-", "in", "out" };

	(void)context;
	printf("%08" PRIx32 " ", state->id.spi);
	if (state->processor.one)
		printf("%" PRIu32, state->processor.number);
	else
		printf("any");
	printf(" %s %" PRIu64 " ", state->direction < 3 ? directions[state->direction] : "?",
		status->packets);
	if (state->udp_encapsulation)
		printf("%u:%u\n", state->source.port, state->id.destination.port);
	else
		puts("-");
}

int main(void)
{
	struct why why = { "" };
	struct xfrm_handle *handle = xfrm_open(&why);
	bool done = handle && xfrm_state_list(handle, print, NULL, &why) == XFRM_RESULT_OK;

	xfrm_close(handle);
	if (done)
		return EXIT_SUCCESS;
	fprintf(stderr, "processors: %s\n", why.text);
	return EXIT_FAILURE;
}
