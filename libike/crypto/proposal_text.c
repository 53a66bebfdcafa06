/* Proposal strings: reading swanctl.conf's words, and strongSwan's form in logs. */
#include "libike/crypto/proposal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IKE_PROTOCOL_IKE:
		return "IKE";
	case IKE_PROTOCOL_AH:
		return "AH";
	case IKE_PROTOCOL_ESP:
		return "ESP";
	default:
		return "PROTO_NONE";
	}
}

/* In which transforms are sent and printed. */
static const uint8_t order[] = { IKE_TRANSFORM_ENCRYPTION, IKE_TRANSFORM_INTEGRITY,
	IKE_TRANSFORM_PRF, IKE_TRANSFORM_KEY_EXCHANGE, IKE_TRANSFORM_ADDITIONAL_1,
	IKE_TRANSFORM_ADDITIONAL_1 + 1, IKE_TRANSFORM_ADDITIONAL_1 + 2,
	IKE_TRANSFORM_ADDITIONAL_1 + 3, IKE_TRANSFORM_ADDITIONAL_1 + 4,
	IKE_TRANSFORM_ADDITIONAL_1 + 5, IKE_TRANSFORM_ADDITIONAL_7, IKE_TRANSFORM_ESN };

/* ---- Building one proposal ---- */

static bool proposal_has_type(const struct ike_proposal *p, uint8_t type)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->transforms[i].type == type)
			return true;
	return false;
}

/* A transform that is there already is not added again. */
static bool proposal_add_as(
	struct ike_proposal *p, uint8_t type, const struct ike_algorithm *a, struct why *why)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct ike_transform *t = &p->transforms[i];

		if (t->type == type && t->id == a->id && t->key_bits == a->key_bits)
			return true;
	}
	if (p->count == IKE_PROPOSAL_TRANSFORMS_MAX)
		return why_fail(why, "more than %d algorithms in one proposal",
			IKE_PROPOSAL_TRANSFORMS_MAX);
	p->transforms[p->count++] = (struct ike_transform){ type, a->id, a->key_bits };
	return true;
}

static bool proposal_add(struct ike_proposal *p, const struct ike_algorithm *a, struct why *why)
{
	return proposal_add_as(p, a->type, a, why);
}

static void proposal_remove_type(struct ike_proposal *p, uint8_t type)
{
	uint8_t kept = 0;

	for (size_t i = 0; i < p->count; i++)
		if (p->transforms[i].type != type)
			p->transforms[kept++] = p->transforms[i];
	p->count = kept;
}

static void proposal_remove(struct ike_proposal *p, uint8_t type, uint16_t id)
{
	uint8_t kept = 0;

	for (size_t i = 0; i < p->count; i++)
		if (p->transforms[i].type != type || p->transforms[i].id != id)
			p->transforms[kept++] = p->transforms[i];
	p->count = kept;
}

/* Sorted by type, in each type as written. */
static void proposal_sort(struct ike_proposal *p)
{
	struct ike_transform sorted[IKE_PROPOSAL_TRANSFORMS_MAX];
	size_t count = 0;

	for (size_t o = 0; o < sizeof(order); o++)
		for (size_t i = 0; i < p->count; i++)
			if (p->transforms[i].type == order[o])
				sorted[count++] = p->transforms[i];
	memcpy(p->transforms, sorted, count * sizeof(sorted[0]));
}

/* The PRF that an integrity algorithm brings along when an IKE proposal names none; 0 for
 * truncations that are not IKE's. */
static uint16_t prf_of_integrity(uint16_t integrity)
{
	switch (integrity) {
	case IKE_INTEG_HMAC_MD5_96:
	case IKE_INTEG_HMAC_MD5_128:
		return IKE_PRF_HMAC_MD5;
	case IKE_INTEG_HMAC_SHA1_96:
	case IKE_INTEG_HMAC_SHA1_160:
		return IKE_PRF_HMAC_SHA1;
	case IKE_INTEG_HMAC_SHA2_256_128:
		return IKE_PRF_HMAC_SHA2_256;
	case IKE_INTEG_HMAC_SHA2_384_192:
		return IKE_PRF_HMAC_SHA2_384;
	case IKE_INTEG_HMAC_SHA2_512_256:
		return IKE_PRF_HMAC_SHA2_512;
	case IKE_INTEG_AES_XCBC_96:
		return IKE_PRF_AES128_XCBC;
	case IKE_INTEG_AES_CMAC_96:
		return IKE_PRF_AES128_CMAC;
	default:
		return 0;
	}
}

static bool add_implied_prfs(struct ike_proposal *p, struct why *why)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct ike_transform *t = &p->transforms[i];
		uint16_t prf = t->type == IKE_TRANSFORM_INTEGRITY ? prf_of_integrity(t->id) : 0;

		if (prf && !proposal_add(p, ike_algorithm_find(IKE_TRANSFORM_PRF, prf, 0), why))
			return false;
	}
	return true;
}

/* Whether its ciphers are combined-mode ones; both kinds in one proposal are refused. */
static bool proposal_mode(const struct ike_proposal *p, bool *ret_aead, struct why *why)
{
	bool aead = false, classic = false;

	for (size_t i = 0; i < p->count; i++) {
		const struct ike_transform *t = &p->transforms[i];

		if (t->type != IKE_TRANSFORM_ENCRYPTION)
			continue;
		if (ike_algorithm_find(t->type, t->id, t->key_bits)->aead)
			aead = true;
		else
			classic = true;
	}
	if (aead && classic)
		return why_fail(why,
			"classic and combined-mode (AEAD) encryption algorithms can't be contained "
			"in "
			"the same %s proposal",
			protocol_name(p->protocol));
	*ret_aead = aead;
	return true;
}

/* What comes in addition needs something to be added to; "none" alone says nothing. */
static bool check_additional(struct ike_proposal *p, struct why *why)
{
	bool has_group = proposal_has_type(p, IKE_TRANSFORM_KEY_EXCHANGE);

	for (uint8_t type = IKE_TRANSFORM_ADDITIONAL_1; type <= IKE_TRANSFORM_ADDITIONAL_7;
		type++) {
		bool any = false;

		for (size_t i = 0; i < p->count; i++)
			any |= p->transforms[i].type == type &&
			       p->transforms[i].id != IKE_GROUP_NONE;
		if (any && !has_group)
			return why_fail(why,
				"additional key exchanges (ke%u_...) need a key exchange before "
				"them",
				type - IKE_TRANSFORM_ADDITIONAL_1 + 1u);
		if (!any)
			proposal_remove_type(p, type);
	}
	return true;
}

static bool complete_ike(struct ike_proposal *p, bool aead, struct why *why)
{
	if (!proposal_has_type(p, IKE_TRANSFORM_PRF) && !add_implied_prfs(p, why))
		return false;
	if (aead)
		proposal_remove_type(p, IKE_TRANSFORM_INTEGRITY);
	/* These have no meaning for an IKE SA; strongSwan loads such a proposal all the same. */
	proposal_remove_type(p, IKE_TRANSFORM_ESN);
	proposal_remove(p, IKE_TRANSFORM_KEY_EXCHANGE, IKE_GROUP_NONE);

	if (!proposal_has_type(p, IKE_TRANSFORM_ENCRYPTION))
		return why_fail(why, "an encryption algorithm is mandatory in IKE proposals");
	for (size_t i = 0; i < p->count; i++) {
		const struct ike_transform *t = &p->transforms[i];
		const struct ike_algorithm *a = ike_algorithm_find(t->type, t->id, t->key_bits);

		if (ike_algorithm_hides_nothing(a))
			return why_fail(why,
				"algorithm '%s' is for ESP only: IKE is always encrypted",
				a->keywords);
	}
	if (!aead && !proposal_has_type(p, IKE_TRANSFORM_INTEGRITY))
		return why_fail(why, "an integrity algorithm is mandatory in IKE proposals with "
				     "classic (non-AEAD) encryption algorithms");
	if (!proposal_has_type(p, IKE_TRANSFORM_PRF))
		return why_fail(why, "a PRF algorithm is mandatory in IKE proposals");
	if (!proposal_has_type(p, IKE_TRANSFORM_KEY_EXCHANGE))
		return why_fail(why, "a DH group is mandatory in IKE proposals");
	return true;
}

static bool complete_child(struct ike_proposal *p, bool aead, struct why *why)
{
	const char *name = protocol_name(p->protocol);

	proposal_remove_type(p, IKE_TRANSFORM_PRF);
	if (p->protocol == IKE_PROTOCOL_AH)
		proposal_remove_type(p, IKE_TRANSFORM_ENCRYPTION);
	else if (!proposal_has_type(p, IKE_TRANSFORM_ENCRYPTION))
		return why_fail(why, "an encryption algorithm is mandatory in %s proposals", name);
	else if (aead)
		proposal_remove_type(p, IKE_TRANSFORM_INTEGRITY);
	/* RFC 8221 4: encryption without integrity must not be used. */
	if (!(aead && p->protocol == IKE_PROTOCOL_ESP) &&
		!proposal_has_type(p, IKE_TRANSFORM_INTEGRITY))
		return why_fail(why, "an integrity algorithm is mandatory in %s proposals%s", name,
			p->protocol == IKE_PROTOCOL_ESP
				? " with classic (non-AEAD) encryption algorithms"
				: "");
	if (!proposal_has_type(p, IKE_TRANSFORM_ESN))
		return proposal_add(p, ike_algorithm_find(IKE_TRANSFORM_ESN, 0, 0), why);
	return true;
}

/* What was not said, and checks of the whole. */
static bool proposal_complete(struct ike_proposal *p, struct why *why)
{
	bool aead = false;

	/* An AH proposal drops its ciphers below: their kinds don't matter. */
	if (p->protocol != IKE_PROTOCOL_AH && !proposal_mode(p, &aead, why))
		return false;
	if (p->protocol == IKE_PROTOCOL_IKE ? !complete_ike(p, aead, why)
					    : !complete_child(p, aead, why))
		return false;
	if (!check_additional(p, why))
		return false;
	proposal_sort(p);
	return true;
}

/* ---- Words ---- */

/* swanctl.conf's words for algorithms that strongSwan has and charon-lite does not. What they are;
 * 0: no such word. */
static uint8_t known_elsewhere(struct bytes word)
{
	static const struct {
		const char *begins;
		uint8_t type;
	} words[] = {
		{ "blowfish", IKE_TRANSFORM_ENCRYPTION },
		{ "cast128", IKE_TRANSFORM_ENCRYPTION },
		{ "des", IKE_TRANSFORM_ENCRYPTION },
		{ "serpent", IKE_TRANSFORM_ENCRYPTION },
		{ "twofish", IKE_TRANSFORM_ENCRYPTION },
		{ "camelliaxcbc", IKE_TRANSFORM_INTEGRITY },
		{ "camellia", IKE_TRANSFORM_ENCRYPTION },
		{ "prfcamellia", IKE_TRANSFORM_PRF },
		{ "chacha20poly1305compat", IKE_TRANSFORM_ENCRYPTION },
		{ "ntru", IKE_TRANSFORM_KEY_EXCHANGE },
		{ "newhope", IKE_TRANSFORM_KEY_EXCHANGE },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i].begins);

		if (word.length >= length && memcmp(word.at, words[i].begins, length) == 0)
			return words[i].type;
	}
	return 0;
}

/* The transform type that "ke1_" to "ke7_" stand for, which is taken off; 0 without. */
static uint8_t take_additional(struct bytes *word)
{
	const uint8_t *at = word->at;

	if (word->length < 4 || at[0] != 'k' || at[1] != 'e' || at[2] < '1' || at[2] > '7' ||
		at[3] != '_')
		return 0;
	*word = bytes_of(at + 4, word->length - 4);
	return (uint8_t)(IKE_TRANSFORM_ADDITIONAL_1 + at[2] - '1');
}

static struct bytes trim(struct bytes text)
{
	while (text.length && (*text.at == ' ' || *text.at == '\t')) {
		text.at++;
		text.length--;
	}
	while (text.length && (text.at[text.length - 1] == ' ' || text.at[text.length - 1] == '\t'))
		text.length--;
	return text;
}

/* One proposal being read. */
struct reading {
	struct ike_proposals *list;
	const char *text;
	struct ike_proposal p;
	unsigned left_out; /* types of which some were */
};

static bool leave_out(struct reading *r, struct bytes word, uint8_t type, struct why *why)
{
	const char *before = r->list->left_out ? r->list->left_out : "";
	char *text;

	if (asprintf(&text, "%s%s'%s': algorithm '%.*s' is not supported", before,
		    *before ? "; " : "", r->text, (int)word.length, (const char *)word.at) < 0)
		return why_fail(why, "out of memory");
	free(r->list->left_out);
	r->list->left_out = text;
	r->left_out |= IKE_TRANSFORM_BIT(type);
	return true;
}

static bool add_word(struct reading *r, struct bytes word, struct why *why)
{
	struct bytes name = word;
	uint8_t additional = take_additional(&name);
	const struct ike_algorithm *a = ike_algorithm_find_keyword(name);
	uint8_t elsewhere = a ? 0 : known_elsewhere(name);

	if ((a && additional && a->type != IKE_TRANSFORM_KEY_EXCHANGE) || (!a && !elsewhere))
		return why_fail(why, "algorithm '%.*s' not recognized", (int)word.length,
			(const char *)word.at);
	if (!a)
		return leave_out(r, word, additional ? additional : elsewhere, why);
	return proposal_add_as(&r->p, additional ? additional : a->type, a, why);
}

static bool add_words(struct reading *r, struct why *why)
{
	/* Empty words are passed over, as strongSwan does. */
	for (const char *text = r->text; *text;) {
		size_t length = strcspn(text, "-");
		struct bytes word = trim(bytes_of(text, length));

		if (word.length && !add_word(r, word, why))
			return false;
		text += length + (text[length] == '-');
	}
	return true;
}

/* Nothing takes the place of something that was left out. */
static bool lacks(const struct reading *r)
{
	for (uint8_t type = 1; type < IKE_TRANSFORM_TYPES; type++)
		if ((r->left_out & IKE_TRANSFORM_BIT(type)) && !proposal_has_type(&r->p, type))
			return true;
	return false;
}

/* ---- Defaults ---- */

/* Which rows a default proposal takes: the registry's in its order, except weak ones. Those of ESP
 * and AH keep to what every peer's kernel has, as strongSwan's do, and have no key exchange. */
static bool belongs_to_default(const struct ike_algorithm *a, uint8_t protocol, bool aead)
{
	bool child = protocol != IKE_PROTOCOL_IKE;

	/* As strongSwan's, and so that the first message fits into one packet. */
	if (a->weak || ike_algorithm_is_kem(a))
		return false;
	switch (a->type) {
	case IKE_TRANSFORM_ENCRYPTION:
		if (a->aead != aead)
			return false;
		return !child || a->id == IKE_ENCR_AES_CBC || a->id == IKE_ENCR_AES_GCM_16;
	case IKE_TRANSFORM_INTEGRITY:
		return !aead && !(child && a->id == IKE_INTEG_AES_CMAC_96);
	case IKE_TRANSFORM_PRF:
	case IKE_TRANSFORM_KEY_EXCHANGE:
		return !child;
	default:
		return false; /* no extended sequence numbers: proposal_complete() says so */
	}
}

static bool add_default(struct ike_proposal *p, bool aead, struct why *why)
{
	for (const struct ike_algorithm *a = NULL; (a = ike_algorithm_next(a));)
		if (belongs_to_default(a, p->protocol, aead) && !proposal_add(p, a, why))
			return false;
	return true;
}

/* ---- Lists ---- */

static bool list_append(struct ike_proposals *list, const struct ike_proposal *p, struct why *why)
{
	struct ike_proposal *items;

	if (list->count == UINT8_MAX)
		return why_fail(why, "more than %d proposals", UINT8_MAX);
	items = realloc(list->items, (list->count + 1) * sizeof(*items));
	if (!items)
		return why_fail(why, "out of memory");
	list->items = items;
	items[list->count] = *p;
	items[list->count].number = (uint8_t)(list->count + 1);
	list->count++;
	return true;
}

static bool append_default(struct ike_proposals *list, uint8_t protocol, bool aead, struct why *why)
{
	struct ike_proposal p = { .protocol = protocol };

	return add_default(&p, aead, why) && proposal_complete(&p, why) &&
	       list_append(list, &p, why);
}

bool ike_proposals_add(
	struct ike_proposals *list, uint8_t protocol, const char *text, struct why *why)
{
	struct reading r = { .list = list, .text = text, .p.protocol = protocol };
	struct bytes whole = trim(bytes_of_text(text));
	size_t before = list->count;

	if (bytes_equal(whole, bytes_of_text("default"))) {
		/* strongSwan 6 prefers combined modes for ESP, and classic ones for IKE. */
		bool aead_first = protocol == IKE_PROTOCOL_ESP;

		if (append_default(list, protocol, aead_first, why) &&
			(protocol == IKE_PROTOCOL_AH ||
				append_default(list, protocol, !aead_first, why)))
			return true;
		list->count = before;
		return false;
	}
	if (!add_words(&r, why))
		return false;
	return lacks(&r) || (proposal_complete(&r.p, why) && list_append(list, &r.p, why));
}

/* ---- Printing ---- */

/* Appends, cut to fit. */
PRINTF_LIKE(3, 4)
static void text_add(char text[IKE_PROPOSAL_TEXT_MAX], size_t *at, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	int written = vsnprintf(text + *at, IKE_PROPOSAL_TEXT_MAX - *at, format, values);
	va_end(values);
	if (written > 0)
		*at += (size_t)written;
	if (*at >= IKE_PROPOSAL_TEXT_MAX)
		*at = IKE_PROPOSAL_TEXT_MAX - 1;
}

static void format_one(const struct ike_proposal *p, char text[IKE_PROPOSAL_TEXT_MAX], size_t *at)
{
	char separator = ':', name[40];

	text_add(text, at, "%s", protocol_name(p->protocol));
	for (size_t o = 0; o < sizeof(order); o++) {
		for (size_t i = 0; i < p->count; i++) {
			if (p->transforms[i].type != order[o])
				continue;
			text_add(text, at, "%c%s", separator,
				ike_transform_format(&p->transforms[i], name));
			separator = '/';
		}
	}
}

char *ike_proposal_format(const struct ike_proposal *p, char text[IKE_PROPOSAL_TEXT_MAX])
{
	return ike_proposals_format(p, 1, text);
}

char *ike_proposals_format(
	const struct ike_proposal *items, size_t count, char text[IKE_PROPOSAL_TEXT_MAX])
{
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		text_add(text, &at, "%s", i ? ", " : "");
		format_one(&items[i], text, &at);
	}
	return text;
}

char *ike_suite_format(const struct ike_suite *suite, char text[IKE_PROPOSAL_TEXT_MAX])
{
	struct ike_proposal p;

	ike_suite_to_proposal(suite, 1, &p);
	return ike_proposal_format(&p, text);
}
