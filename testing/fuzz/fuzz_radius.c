/* RADIUS packets from a server that knows no secret, and from one that does. */
#include "charon-lite/radius_configuration.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t authenticator[CL_RADIUS_AUTHENTICATOR] = { 1, 2, 3 };
	struct bytes secret = bytes_of_text("testing123"), value;
	AUTO_SECRET msk = { 0 };
	struct cl_radius_configuration configuration;
	struct cl_radius_packet p;
	struct reader r;
	size_t octets = 0;
	uint8_t type;
	uint32_t number;

	if (!cl_radius_parse(bytes_of(data, size), &p))
		return 0;
	r = reader_of(p.attributes);
	while (cl_radius_next(&r, &type, &value)) {
		octets += value.length + 2;
		(void)cl_radius_find_u32(&p, type, &number);
	}
	if (octets != p.attributes.length)
		abort();
	cl_radius_configuration(&p, &configuration);
	cl_radius_configuration_free(&configuration);
	/* Nothing that is made up verifies. */
	if (cl_radius_verify(NULL, &p, authenticator, secret, true))
		abort();
	if (cl_radius_msk(NULL, &p, authenticator, secret, &msk) && msk.length != 0 &&
		msk.length != CL_RADIUS_MSK_LENGTH)
		abort();
	return 0;
}
