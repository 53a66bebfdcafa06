#define HASH_NONFATAL_OOM 1 /* of uthash, which the headers include */
#include "charon-lite/signer_tls.h"

#include "libike/eap/tls_conversation.h"

#include <stdlib.h>
#include <uthash.h>

/* Conversations at once: each is an IKE SA that is being made. */
#define SESSIONS_MAX 4096

struct session {
	UT_hash_handle hh;
	uint64_t id;
	struct ike_tls *tls;
};

struct cl_signer_sessions {
	OSSL_LIB_CTX *library;
	struct session *by_id;
	struct why why; /* of the latest that failed */
};

struct cl_signer_sessions *cl_signer_sessions_new(OSSL_LIB_CTX *library)
{
	struct cl_signer_sessions *sessions = calloc(1, sizeof(*sessions));

	if (sessions)
		sessions->library = library;
	return sessions;
}

static void session_free(struct cl_signer_sessions *sessions, struct session *session)
{
	if (session->hh.tbl)
		HASH_DEL(sessions->by_id, session);
	ike_tls_free(session->tls);
	free(session);
}

void cl_signer_sessions_free(struct cl_signer_sessions *sessions)
{
	if (!sessions)
		return;
	while (sessions->by_id)
		session_free(sessions, sessions->by_id);
	free(sessions);
}

static struct session *session_find(const struct cl_signer_sessions *sessions, uint64_t id)
{
	struct session *found;

	HASH_FIND(hh, sessions->by_id, &id, sizeof(id), found);
	return found;
}

static struct session *session_new(struct cl_signer_sessions *sessions, EVP_PKEY *key,
	const struct cl_signer_tls_request *request)
{
	struct session *session;

	if (!key || HASH_COUNT(sessions->by_id) >= SESSIONS_MAX) {
		why_fail(&sessions->why, key ? "too many TLS conversations at once"
					     : "the private key is not there any more");
		return NULL;
	}
	session = calloc(1, sizeof(*session));
	if (!session) {
		why_fail(&sessions->why, "out of memory");
		return NULL;
	}
	session->id = request->session;
	session->tls = ike_tls_new(sessions->library, request->server, key, request->chain,
		request->chain_count, &sessions->why);
	if (session->tls) {
		HASH_ADD(hh, sessions->by_id, id, sizeof(session->id), session);
		if (session->hh.tbl)
			return session;
		why_fail(&sessions->why, "out of memory");
	}
	session_free(sessions, session);
	return NULL;
}

void cl_signer_sessions_step(struct cl_signer_sessions *sessions, EVP_PKEY *key,
	const struct cl_signer_tls_request *request, struct ike_tls_answer *ret)
{
	struct session *session = session_find(sessions, request->session);

	if (!session)
		session = session_new(sessions, key, request);
	if (session)
		ike_tls_step(session->tls, request->input, ret);
	else
		*ret = (struct ike_tls_answer){ .failed = true, .error = sessions->why.text };
}

void cl_signer_sessions_forget(struct cl_signer_sessions *sessions, uint64_t id)
{
	struct session *session = session_find(sessions, id);

	if (session)
		session_free(sessions, session);
}
