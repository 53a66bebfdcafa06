#include "charon-lite/signer_serve.h"

void cl_signer_answer(struct cl_signer_service *s, const struct cl_signer_frame *request,
	uint8_t how, struct bytes body)
{
	AUTO_SECRET frame = { 0 };
	struct writer w;

	if (!cl_signer_frame_new(&frame, request->kind | how, request->number, body.length))
		return; /* no memory for so little: nobody gets an answer */
	w = cl_signer_body(&frame);
	writer_put(&w, body);
	s->send(s->context, secret_bytes(&frame));
}

/* ---- Requests: false when one does not parse ---- */

static bool load(struct cl_signer_service *s, const struct cl_signer_frame *frame)
{
	struct reader r = reader_of(frame->body);
	struct ike_public_key *public;
	struct why why;
	char type[256];

	if (!cl_signer_get_text(&r, type))
		return false;
	public = cl_signer_keys_load(s->keys, frame->number, type, reader_rest(&r), &why);
	if (public)
		cl_signer_answer(s, frame, CL_SIGNER_DONE, ike_public_key_spki(public));
	else
		cl_signer_answer(s, frame, CL_SIGNER_FAILED, bytes_of_text(why.text));
	ike_public_key_free(public);
	return true;
}

static bool unload(struct cl_signer_service *s, const struct cl_signer_frame *frame)
{
	cl_signer_keys_unload(s->keys, frame->number);
	return frame->body.length == 0;
}

static bool sign(struct cl_signer_service *s, const struct cl_signer_frame *frame)
{
	struct reader r = reader_of(frame->body);
	uint64_t handle = reader_u64(&r);
	uint8_t signature[IKE_SIGNATURE_MAX];
	struct why why;
	char scheme[256];

	if (!cl_signer_get_text(&r, scheme))
		return false;
	size_t length =
		cl_signer_keys_sign(s->keys, handle, scheme, reader_rest(&r), signature, &why);
	if (length)
		cl_signer_answer(s, frame, CL_SIGNER_DONE, bytes_of(signature, length));
	else
		cl_signer_answer(s, frame, CL_SIGNER_FAILED, bytes_of_text(why.text));
	return true;
}

static bool tls(struct cl_signer_service *s, const struct cl_signer_frame *frame)
{
	struct cl_signer_tls_request request;
	struct ike_tls_answer made;
	AUTO_SECRET answer = { 0 };

	if (!s->sessions || !cl_signer_tls_request_parse(frame->body, &request))
		return false;
	cl_signer_sessions_step(
		s->sessions, cl_signer_keys_find(s->keys, request.handle), &request, &made);
	if (cl_signer_tls_answer_make(&answer, frame->number, &made))
		s->send(s->context, secret_bytes(&answer));
	else
		cl_signer_answer(
			s, frame, CL_SIGNER_FAILED, bytes_of_text("TLS made too long an answer"));
	return true;
}

static bool tls_forget(struct cl_signer_service *s, const struct cl_signer_frame *frame)
{
	if (s->sessions)
		cl_signer_sessions_forget(s->sessions, frame->number);
	return frame->body.length == 0;
}

static const struct {
	uint8_t kind;
	bool (*serve)(struct cl_signer_service *s, const struct cl_signer_frame *frame);
} requests[] = {
	{ CL_SIGNER_LOAD, load },
	{ CL_SIGNER_UNLOAD, unload },
	{ CL_SIGNER_SIGN, sign },
	{ CL_SIGNER_TLS, tls },
	{ CL_SIGNER_TLS_FORGET, tls_forget },
};

bool cl_signer_serve(struct cl_signer_service *s, struct bytes bytes)
{
	struct cl_signer_frame frame;

	if (!cl_signer_frame_parse(bytes, &frame))
		return false;
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		if (requests[i].kind == frame.kind)
			return requests[i].serve(s, &frame);
	}
	return false;
}
