/*
 * Proposals: what is offered, and what is chosen from an offer (RFC 7296 2.7, 3.3).
 *
 * The text form is that of swanctl.conf(5): "aes256-sha256-modp2048-x25519",
 * "aes128gcm16-prfsha256-ecp256", "default". Plain data; a proposal owns nothing.
 */
#ifndef LIBIKE_CRYPTO_PROPOSAL_H
#define LIBIKE_CRYPTO_PROPOSAL_H

#include "libbase/why.h"
#include "libike/crypto/algorithm.h"

#define IKE_PROPOSAL_TRANSFORMS_MAX 96
#define IKE_PROPOSAL_TEXT_MAX 2048

struct ike_proposal {
	uint8_t protocol; /* enum ike_protocol */
	uint8_t number;   /* 1.. in the order of the offer */
	/* Set when a received proposal has a transform type that we don't know: never selectable.
	 */
	bool unknown_type;
	uint8_t count;
	struct ike_transform transforms[IKE_PROPOSAL_TRANSFORMS_MAX];
};

struct ike_proposals {
	struct ike_proposal *items; /* heap, owned */
	size_t count;
	uint32_t *owners; /* of the items, which do not change then; NULL: it alone */
	char *left_out;   /* heap, owned: what was left out, and why; NULL: nothing */
};

/* What was agreed: one transform of each kind; 0 where the protocol has none. There is one in every
 * SA and child, so it is kept small: ids of additional key exchanges fit into an octet. */
struct ike_suite {
	uint8_t protocol;
	bool esn;
	uint16_t encryption;
	uint16_t encryption_bits;
	uint16_t integrity;
	uint16_t prf;
	uint16_t group;
	uint8_t additional[IKE_ADDITIONAL_MAX]; /* RFC 9370: of transform types 6 to 12 */
};

/* Appends what one element of a `proposals`, `esp_proposals` or `ah_proposals` list says.
 * "default" appends the default proposals of that protocol: for IKE a classic and an AEAD one, for
 * ESP the other way round, for AH one. What is not said is implied as in strongSwan: an integrity
 * algorithm brings its PRF along (in IKE), no "esn" means none, integrity is dropped beside an
 * AEAD, "ke1_mlkem768" to "ke7_..." are additional key exchanges (RFC 9370). False with a reason,
 * in strongSwan's words, that names the bad word or what is missing; the list is then as before.
 * Unlike strongSwan, ESP without integrity is refused (RFC 8221 4).
 * Algorithms that strongSwan has and we have not are left out, with the whole proposal when it has
 * no other in their place: the list's left_out says so, and may be all that there is. */
MUST_USE bool ike_proposals_add(
	struct ike_proposals *list, uint8_t protocol, const char *text, struct why *why);

/* Field by field, order included. */
bool ike_proposals_equal(const struct ike_proposals *a, const struct ike_proposals *b);

void ike_proposals_free(struct ike_proposals *list);

/* An equal list goes, and `list` owns the items together with `other`: of 10,000 definitions most
 * have the same proposals. When memory runs out it stays as it is. */
void ike_proposals_share(struct ike_proposals *list, struct ike_proposals *other);

enum ike_selection {
	IKE_SELECTION_OK,
	IKE_SELECTION_NONE,        /* no proposal matches */
	IKE_SELECTION_WRONG_GROUP, /* all would match but for the key exchange method */
};

/* Chooses as responder: our order decides (strongSwan's prefer_configured default). The suite's
 * group is the best common one; no method is used twice among it and the additional ones (RFC 9370
 * 2.2.1). When ignore_group is set (a child in IKE_AUTH has no key
 * exchange, RFC 7296 1.2) transforms of that type are left out on both sides.
 * theirs: parsed proposals, any count. ret_number is the chosen proposal's number. */
enum ike_selection ike_proposals_select(const struct ike_proposals *ours,
	const struct ike_proposal *theirs, size_t their_count, bool ignore_group,
	struct ike_suite *ret_suite, uint8_t *ret_number);

/* Checks, as initiator, that the answer is one of what we offered, with exactly one transform of
 * each type. */
MUST_USE bool ike_proposal_accepts(const struct ike_proposals *offered,
	const struct ike_proposal *answer, bool ignore_group, struct ike_suite *ret_suite);

/* The suite as a proposal with one transform of each type, for the responder's answer. */
void ike_suite_to_proposal(const struct ike_suite *suite, uint8_t number, struct ike_proposal *ret);

/* When nothing could be selected: which kinds of transforms of the two proposals that come nearest
 * to each other have nothing in common, in words joined with ", " ("encryption, key exchange"). The
 * set is returned too, a bit (1 << enum ike_transform_type) for each; 0 when there is nothing to
 * compare, text is then empty. */
#define IKE_DIFFERENCE_TEXT_MAX 320
unsigned ike_proposals_difference(const struct ike_proposals *ours,
	const struct ike_proposal *theirs, size_t their_count, bool ignore_group,
	char text[IKE_DIFFERENCE_TEXT_MAX]);

/* Whether the group occurs in any proposal of the list (IKE_GROUP_NONE: as "none" or "modpnone").
 */
bool ike_proposals_have_group(const struct ike_proposals *list, uint16_t group);

/* The first group of the list's proposals: what an initiator's KE payload is made for.
 * IKE_GROUP_NONE when there is none or "none" stands first. */
uint16_t ike_proposals_first_group(const struct ike_proposals *list);

/* strongSwan's form: "IKE:AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048",
 * several joined with ", ". Cut to fit. Returns text. */
char *ike_proposal_format(const struct ike_proposal *p, char text[IKE_PROPOSAL_TEXT_MAX]);
char *ike_proposals_format(
	const struct ike_proposal *items, size_t count, char text[IKE_PROPOSAL_TEXT_MAX]);
char *ike_suite_format(const struct ike_suite *suite, char text[IKE_PROPOSAL_TEXT_MAX]);

/* The number of additional key exchanges that were agreed on, and the method of each from 0; they
 * are done in this order whatever their transform types are (RFC 9370 2.2.1). */
unsigned ike_suite_additional_count(const struct ike_suite *suite);
uint16_t ike_suite_additional(const struct ike_suite *suite, unsigned index);

/* Whether any proposal has additional key exchanges. */
bool ike_proposals_have_additional(const struct ike_proposal *items, size_t count);

/* The rows of the suite's algorithms; NULL where it has none. */
const struct ike_algorithm *ike_suite_encryption(const struct ike_suite *suite);
const struct ike_algorithm *ike_suite_integrity(const struct ike_suite *suite);
const struct ike_algorithm *ike_suite_prf(const struct ike_suite *suite);
const struct ike_algorithm *ike_suite_group(const struct ike_suite *suite);

#endif
