#include "charon-lite/explain/look.h"

#include <inttypes.h>
#include <stdio.h>

size_t cl_xfrm_counters_parse(const char *text, struct cl_xfrm_counter ret[CL_XFRM_COUNTERS])
{
	size_t count = 0;
	int length;

	while (count < CL_XFRM_COUNTERS && sscanf(text, "%31s %" SCNu64 " %n", ret[count].name,
						   &ret[count].value, &length) == 2) {
		text += length;
		count++;
	}
	return count;
}
