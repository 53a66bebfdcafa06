#include "charon-lite/radius_configuration.h"

#include "libike/model/domain.h"

#define MICROSOFT 311
#define VPN_3000 3076 /* Altiga's, whom Cisco bought */
#define SPLIT_DNS_NAMES 29

/* Attributes that are the same on our side, value and all. */
static const struct row {
	uint32_t vendor; /* 0: RADIUS's own */
	uint8_t type;
	uint8_t length;
	uint16_t attribute;
} rows[] = {
	{ 0, CL_RADIUS_FRAMED_IP_NETMASK, 4, IKE_ATTRIBUTE_IP4_NETMASK },
	{ 0, CL_RADIUS_DNS_SERVER_IPV6_ADDRESS, 16, IKE_ATTRIBUTE_IP6_DNS },
	{ MICROSOFT, 28, 4, IKE_ATTRIBUTE_IP4_DNS }, /* primary; RFC 2548 2.7 */
	{ MICROSOFT, 29, 4, IKE_ATTRIBUTE_IP4_DNS },
	{ MICROSOFT, 30, 4, IKE_ATTRIBUTE_IP4_NBNS },
	{ MICROSOFT, 31, 4, IKE_ATTRIBUTE_IP4_NBNS },
};

static void take_domains(struct ike_attributes *list, struct bytes value)
{
	struct reader r = reader_of(value);
	char name[IKE_DOMAIN_TEXT_MAX];
	struct bytes one;

	while (ike_domain_next(&r, &one))
		if (ike_domain_read(one, name))
			(void)!ike_attributes_add(
				list, IKE_ATTRIBUTE_DNS_DOMAIN, bytes_of_text(name));
}

static void take(struct ike_attributes *list, uint32_t vendor, uint8_t type, struct bytes value)
{
	if (vendor == VPN_3000 && type == SPLIT_DNS_NAMES)
		take_domains(list, value);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].vendor == vendor && rows[i].type == type &&
			rows[i].length == value.length)
			(void)!ike_attributes_add(list, rows[i].attribute, value);
}

static void take_vendors(struct ike_attributes *list, struct bytes value)
{
	struct reader r = reader_of(value);
	uint32_t vendor = reader_u32(&r);
	struct bytes inner;
	uint8_t type;

	while (!r.bad && cl_radius_next(&r, &type, &inner))
		take(list, vendor, type, inner);
}

static struct address framed(const struct cl_radius_packet *p)
{
	struct bytes value = cl_radius_find(p, CL_RADIUS_FRAMED_IP_ADDRESS);
	uint32_t special;
	struct address a;

	/* All ones: the user may choose; one less: the NAS is to choose (RFC 2865 5.8). */
	if (cl_radius_find_u32(p, CL_RADIUS_FRAMED_IP_ADDRESS, &special) && special < 0xfffffffeu &&
		address_from_octets(value, 0, &a))
		return a;
	return (struct address){ 0 };
}

static struct address framed6(const struct cl_radius_packet *p)
{
	struct bytes value = cl_radius_find(p, CL_RADIUS_FRAMED_IPV6_ADDRESS);
	struct address a;

	if (value.length == 16 && address_from_octets(value, 0, &a) && !address_is_any(&a))
		return a;
	return (struct address){ 0 };
}

void cl_radius_configuration(
	const struct cl_radius_packet *accept, struct cl_radius_configuration *ret)
{
	struct reader r = reader_of(accept->attributes);
	struct bytes value;
	uint8_t type;

	*ret = (struct cl_radius_configuration){ .ip = framed(accept), .ip6 = framed6(accept) };
	while (cl_radius_next(&r, &type, &value)) {
		if (type == CL_RADIUS_VENDOR_SPECIFIC)
			take_vendors(&ret->attributes, value);
		else
			take(&ret->attributes, 0, type, value);
	}
}

void cl_radius_configuration_free(struct cl_radius_configuration *c)
{
	ike_attributes_free(&c->attributes);
}
