/* DNS servers that a gateway told us of, and the domains that they are for (RFC 8598). */
#include "libike/sa/sa_priv.h"
#include "libike/virtual.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX 600

static bool keep(struct ike_engine *e, const struct ike_sa *sa, uint16_t type, struct bytes value)
{
	struct ike_attributes *list = &sa->virtual->attributes;

	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].type == type && bytes_equal(list->items[i].value, value))
			return true;
	if (!ike_attributes_add(list, type, value))
		ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_INFO,
			"the peer names too many DNS servers or domains: passing one over");
	return true;
}

static bool take_server(
	struct ike_engine *e, const struct ike_sa *sa, uint16_t type, struct bytes value)
{
	const struct ike_attribute attribute = { .type = type, .value = value };
	char text[ADDRESS_TEXT_MAX];
	struct address a;

	if (value.length == 0)
		return true;
	if (!ike_attribute_address(&attribute, &a))
		return false;
	if (ike_virtual_is_unicast(&a))
		return keep(e, sa, type, value);
	ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_INFO,
		"the peer's DNS server %s cannot be one: passing it over",
		address_format(&a, text));
	return true;
}

static bool take_domain(struct ike_engine *e, const struct ike_sa *sa, struct bytes value)
{
	char name[IKE_DOMAIN_TEXT_MAX];

	return value.length == 0 ||
	       (ike_domain_read(value, name) &&
		       keep(e, sa, IKE_ATTRIBUTE_DNS_DOMAIN, bytes_of_text(name)));
}

/* Unity has all in one, and some end it with a zero. */
static bool take_domains(struct ike_engine *e, const struct ike_sa *sa, struct bytes value)
{
	struct reader r;
	struct bytes one;
	bool good = true;

	if (value.length > 0 && value.at[value.length - 1] == 0)
		value.length--;
	r = reader_of(value);
	while (ike_domain_next(&r, &one))
		good = take_domain(e, sa, one) && good;
	return good;
}

bool ike_virtual_take_dns(struct ike_engine *e, const struct ike_sa *sa, uint16_t type,
	struct bytes value, bool *ret_good)
{
	switch (type) {
	case IKE_ATTRIBUTE_IP4_DNS:
	case IKE_ATTRIBUTE_IP6_DNS:
		*ret_good = take_server(e, sa, type, value);
		return true;
	case IKE_ATTRIBUTE_DNS_DOMAIN:
		*ret_good = take_domain(e, sa, value);
		return true;
	case IKE_ATTRIBUTE_SPLIT_DNS:
		*ret_good = take_domains(e, sa, value);
		return true;
	default:
		return false;
	}
}

bool ike_virtual_dns_server(const struct ike_virtual *v, size_t index, struct address *ret)
{
	for (size_t i = 0; v && i < v->attributes.count; i++) {
		const struct ike_attribute *a = &v->attributes.items[i];

		if ((a->type == IKE_ATTRIBUTE_IP4_DNS || a->type == IKE_ATTRIBUTE_IP6_DNS) &&
			ike_attribute_address(a, ret) && index-- == 0)
			return true;
	}
	return false;
}

bool ike_virtual_dns_domain(
	const struct ike_virtual *v, size_t index, char ret[IKE_DOMAIN_TEXT_MAX])
{
	struct address server;

	if (!ike_virtual_dns_server(v, 0, &server))
		return false;
	for (size_t i = 0; i < v->attributes.count; i++) {
		const struct ike_attribute *a = &v->attributes.items[i];

		if (a->type == IKE_ATTRIBUTE_DNS_DOMAIN && ike_domain_read(a->value, ret) &&
			index-- == 0)
			return true;
	}
	return false;
}

PRINTF_LIKE(3, 4)
static size_t add_text(char *text, size_t used, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	int length = vsnprintf(text + used, TEXT_MAX - used, format, values);
	va_end(values);
	return length < 0 || used + (size_t)length >= TEXT_MAX ? used : used + (size_t)length;
}

/* What does not fit is left out. */
void ike_virtual_dns_taken(struct ike_engine *e, const struct ike_sa *sa)
{
	char line[TEXT_MAX] = "", text[ADDRESS_TEXT_MAX], name[IKE_DOMAIN_TEXT_MAX];
	const struct ike_virtual *v = sa->virtual;
	struct address a;
	size_t used = 0;

	for (size_t i = 0; ike_virtual_dns_server(v, i, &a); i++)
		used = add_text(line, used, " %s", address_format(&a, text));
	for (size_t i = 0; ike_virtual_dns_domain(v, i, name); i++)
		used = add_text(line, used, "%s%s", i ? " " : ", for names in ", name);
	if (used > 0)
		ike_log(e, sa, IKE_LOG_CFG, IKE_LOG_INFO, "the peer's DNS servers:%.*s", (int)used,
			line);
}
