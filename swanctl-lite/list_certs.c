/* --list-certs: which there are, and in which form. What one prints is in print_cert.c. */
#include "swanctl-lite/print_cert.h"

#include <openssl/pem.h>

static struct {
	struct cert_print how;
	bool pem;
	char heading[64]; /* the last */
} listing;

static const char *heading_of(struct vici_view message)
{
	static const struct {
		const char *type, *flag, *heading; /* flag NULL: any */
	} headings[] = { { "PUBKEY", NULL, "Raw Public Keys" },
		{ "X509", "NONE", "X.509 End Entity Certificates" },
		{ "X509", "CA", "X.509 CA Certificates" },
		{ "X509", "AA", "X.509 AA Certificates" },
		{ "X509", "OCSP", "X.509 OCSP Signer Certificates" },
		{ "X509_AC", NULL, "X.509 Attribute Certificates" },
		{ "X509_CRL", NULL, "X.509 CRLs" }, { "OCSP_RESPONSE", NULL, "OCSP Responses" } };
	struct bytes type = vici_get(message, "type"), flag = vici_get(message, "flag");

	for (size_t i = 0; i < sizeof(headings) / sizeof(*headings); i++)
		if (vici_is(type, headings[i].type) &&
			(!headings[i].flag || vici_is(flag, headings[i].flag)))
			return headings[i].heading;
	return "Other Certificates";
}

static void print_pem(struct vici_view message)
{
	static const struct {
		const char *type, *label;
	} labels[] = { { "PUBKEY", "PUBLIC KEY" }, { "X509_CRL", "X509 CRL" },
		{ "OCSP_RESPONSE", "OCSP RESPONSE" } };
	struct bytes type = vici_get(message, "type"), data = vici_get(message, "data");
	const char *label = "CERTIFICATE";

	for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++)
		if (vici_is(type, labels[i].type))
			label = labels[i].label;
	if (data.length > 0)
		PEM_write(stdout, label, "", data.at, (long)data.length);
}

static void print(struct vici_view message)
{
	const char *heading = heading_of(message);
	struct bytes type = vici_get(message, "type");

	if (listing.pem) {
		print_pem(message);
		return;
	}
	if (strcmp(heading, listing.heading) != 0)
		printf("\nList of %s\n", heading);
	snprintf(listing.heading, sizeof(listing.heading), "%s", heading);
	putchar('\n');
	if (vici_is(type, "PUBKEY"))
		cert_print_public_key(&listing.how, message);
	else if (vici_is(type, "X509"))
		cert_print_x509(&listing.how, message);
	else if (vici_is(type, "X509_CRL"))
		cert_print_crl(&listing.how, message);
	else if (vici_is(type, "OCSP_RESPONSE"))
		cert_print_ocsp(&listing.how, message);
}

static int run(struct swanctl *s)
{
	struct vici_builder b = { 0 };

	listing.how = (struct cert_print){
		.now = time(NULL),
		.short_form = swanctl_given(s, 'S'),
		.utc = swanctl_given(s, 'U'),
	};
	listing.pem = swanctl_given(s, 'p');
	swanctl_add_option(s, &b, 's', "subject");
	swanctl_add_option(s, &b, 't', "type");
	swanctl_add_option(s, &b, 'f', "flag");
	int status = swanctl_stream(s, "list-certs", "list-cert", &b, print);
	vici_builder_free(&b);
	return status;
}

const struct swanctl_command swanctl_list_certs = {
	.name = "list-certs",
	.letter = 'x',
	.text = "list stored certificates",
	.usage = { "[--subject <dn/san>] [--pem]",
		"[--type x509|x509_ac|x509_crl|ocsp_response|pubkey]",
		"[--flag none|ca|aa|ocsp|any] [--raw|--pretty|--json|--short|--utc]" },
	.options = {
		{ "subject", 's', true, "filter by certificate subject" },
		{ "type", 't', true, "filter by certificate type" },
		{ "flag", 'f', true, "filter by X.509 certificate flag" },
		{ "pem", 'p', false, "print PEM encoding of certificate" },
		SWANCTL_RAW,
		SWANCTL_PRETTY,
		{ "short", 'S', false, "omit some certificate details" },
		{ "utc", 'U', false, "use UTC for time fields" },
	},
	.run = run,
};
