/*
 * Distinguished names (X.501 Name in DER), as identities need them: well-formed or not, compared,
 * written, and made from text.
 *
 * Certificates are OpenSSL's business; a name in an ID payload is nested TLVs, for which the
 * bounded reader is enough and leaves the octets as they came.
 */
#ifndef LIBBASE_DN_H
#define LIBBASE_DN_H

#include "libbase/bytes.h"

/* One attribute of a name. */
struct dn_rdn {
	struct bytes oid; /* contents, without tag and length */
	struct bytes value;
	uint8_t tag; /* of the value's string type */
};

/* Walks a name's attributes in order; those of a multi-valued RDN one by one. Begin with the
 * name's DER. After the last, reader_end(&walk->names) tells whether all of it was well formed. */
struct dn_walk {
	struct reader names;
	struct reader set;
};

struct dn_walk dn_walk_begin(struct bytes der);
bool dn_walk_next(struct dn_walk *walk, struct dn_rdn *ret);

bool dn_is_valid(struct bytes der);

/* Writes "C=CH, O=Linux strongSwan, CN=moon"; cut to fit. */
void dn_format(struct bytes der, char *text, size_t text_size);

/* Whether name is what pattern says; a value of "*" in the pattern stands for any, and
 * *ret_wildcards counts these. The attributes must be the same ones in the same order. */
bool dn_matches(struct bytes name, struct bytes pattern, unsigned *ret_wildcards);

bool dn_has_wildcard(struct bytes der);

/* "C=CH, O=Linux strongSwan, CN=moon" or "/C=CH/O=Linux strongSwan/CN=moon" to DER, appended to w.
 * False when it is no name: an attribute that we don't know, or no '='. */
MUST_USE bool dn_parse(const char *text, struct writer *w);

#endif
