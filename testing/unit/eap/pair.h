/* A server's and a client's EAP conversation with each other, each with an engine of its own: no
 * IKE around it. */
#ifndef TESTING_UNIT_EAP_PAIR_H
#define TESTING_UNIT_EAP_PAIR_H

#include "libike/eap/eap_priv.h"

#include <check.h>

struct side {
	struct ike_host host;
	struct ike_engine *engine;
	struct ike_sa sa;
	struct ike_auth_round round;
	struct ike_eap *eap;
	struct ike_failure failure;
	enum ike_eap_result result;
	uint8_t room[IKE_EAP_PACKET_MAX];
	struct writer out; /* what it said last */
};

struct pair {
	struct side server, client;
	unsigned packets; /* so far */
	/* Changes a packet on its way; NULL: none. from_server: whose. */
	void (*meddle)(struct pair *p, struct side *from, bool from_server);
	void *meddler;
	/* Brings what a side waits for; NULL: nobody waits. */
	void (*serve)(struct pair *p, struct side *waits);
};

/* carol@example.org, by IKE, at moon.example.org. */
struct pair *pair_new(uint8_t server_method, uint8_t client_method);
/* The other way round: names as text; NULL: none. */
void pair_eap_ids(struct pair *p, const char *server_eap_id, const char *client_eap_id);
void side_secret(struct side *s, uint8_t kind, const char *owner, const char *password);
/* Until one of them is through or has failed. */
void pair_run(struct pair *p);
/* Both must have come to the same keys; proved: the identity that the server has. */
void pair_expect_success(struct pair *p, const char *proved);
/* The server (or the client) must have failed for that reason, with a text that has the words. */
void side_expect_failure(const struct side *s, enum ike_reason reason, const char *words);
void pair_free(struct pair *p);

/* One packet to a side. */
void side_packet(struct side *s, struct bytes packet);

TCase *mschapv2_hash_tests(void);
TCase *eap_tests(void);
TCase *eap_hostile_tests(void);
TCase *eap_radius_tests(void);
TCase *eap_tls_tests(void);

#endif
