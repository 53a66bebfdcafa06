/*
 * Certificates, keys and CRLs of list-cert events for people, as strongSwan's swanctl prints them.
 */
#ifndef SWANCTL_LITE_PRINT_CERT_H
#define SWANCTL_LITE_PRINT_CERT_H

#include "swanctl-lite/command.h"

#include <time.h>

struct cert_print {
	time_t now;
	bool short_form;
	bool utc;
};

void cert_print_public_key(const struct cert_print *how, struct vici_view message);
void cert_print_x509(const struct cert_print *how, struct vici_view message);
void cert_print_crl(const struct cert_print *how, struct vici_view message);
void cert_print_ocsp(const struct cert_print *how, struct vici_view message);

#endif
