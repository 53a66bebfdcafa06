/* The names of EAP methods, in swanctl.conf and in lists. */
#include "libike/eap/eap.h"

#include <strings.h>

static const struct {
	const char *name; /* what follows "eap-" */
	const char *shown;
	uint8_t method;
} methods[] = {
	{ "any", "EAP_ANY", IKE_EAP_METHOD_ANY },
	{ "identity", "EAP_IDENTITY", IKE_EAP_METHOD_IDENTITY },
	{ "md5", "EAP_MD5", IKE_EAP_METHOD_MD5 },
	{ "tls", "EAP_TLS", IKE_EAP_METHOD_TLS },
	{ "mschapv2", "EAP_MSCHAPV2", IKE_EAP_METHOD_MSCHAPV2 },
	{ "dynamic", "EAP_DYNAMIC", IKE_EAP_METHOD_DYNAMIC },
	{ "radius", "EAP_RADIUS", IKE_EAP_METHOD_RADIUS },
};

bool ike_eap_method_parse(const char *name, uint8_t *ret)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		if (strcasecmp(methods[i].name, name) == 0) {
			*ret = methods[i].method;
			return true;
		}
	}
	return false;
}

const char *ike_eap_method_name(uint8_t method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		if (methods[i].method == method)
			return methods[i].shown;
	}
	return "EAP_UNKNOWN";
}
