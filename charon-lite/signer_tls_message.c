#include "charon-lite/signer_tls_message.h"

#define BLOCK_HEAD 4

static void put_block(struct writer *w, struct bytes block)
{
	writer_u32(w, (uint32_t)block.length);
	writer_put(w, block);
}

static struct bytes get_block(struct reader *r)
{
	return reader_bytes(r, reader_u32(r));
}

static bool get_chain(struct reader *r, struct bytes ret[CL_SIGNER_CHAIN_MAX], size_t *ret_count)
{
	size_t count = reader_u8(r);

	if (count > CL_SIGNER_CHAIN_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		ret[i] = get_block(r);
	*ret_count = count;
	return !r->bad;
}

/* ---- Request ---- */

bool cl_signer_tls_request_make(
	struct secret *ret, uint64_t ticket, const struct ike_tls_step *step)
{
	size_t length = 8 + 1 + 8 + 1 + step->input.length;
	struct writer w;

	if (step->chain_count > CL_SIGNER_CHAIN_MAX)
		return false;
	for (size_t i = 0; i < step->chain_count; i++)
		length += BLOCK_HEAD + ike_certificate_der(step->chain[i]).length;
	if (!cl_signer_frame_new(ret, CL_SIGNER_TLS, ticket, length))
		return false;
	w = cl_signer_body(ret);
	writer_u64(&w, step->session);
	writer_u8(&w, step->server);
	writer_u64(&w, step->handle);
	writer_u8(&w, (uint8_t)step->chain_count);
	for (size_t i = 0; i < step->chain_count; i++)
		put_block(&w, ike_certificate_der(step->chain[i]));
	writer_put(&w, step->input);
	return !w.bad;
}

bool cl_signer_tls_request_parse(struct bytes body, struct cl_signer_tls_request *ret)
{
	struct reader r = reader_of(body);

	ret->session = reader_u64(&r);
	ret->server = reader_u8(&r) != 0;
	ret->handle = reader_u64(&r);
	if (!get_chain(&r, ret->chain, &ret->chain_count))
		return false;
	ret->input = reader_rest(&r);
	return !r.bad;
}

/* ---- Answer ---- */

bool cl_signer_tls_answer_make(
	struct secret *ret, uint64_t ticket, const struct ike_tls_answer *answer)
{
	const char *error = answer->error ? answer->error : "";
	size_t error_length = strlen(error) < 255 ? strlen(error) : 255;
	size_t length = 2 + BLOCK_HEAD + answer->output.length + BLOCK_HEAD + answer->msk.length +
			1 + 1 + error_length;
	struct writer w;

	if (answer->peer_chain_count > CL_SIGNER_CHAIN_MAX)
		return false;
	for (size_t i = 0; i < answer->peer_chain_count; i++)
		length += BLOCK_HEAD + answer->peer_chain[i].length;
	if (!cl_signer_frame_new(ret, CL_SIGNER_TLS | CL_SIGNER_DONE, ticket, length))
		return false;
	w = cl_signer_body(ret);
	writer_u8(&w, answer->failed);
	writer_u8(&w, answer->done);
	put_block(&w, answer->output);
	put_block(&w, answer->msk);
	writer_u8(&w, (uint8_t)answer->peer_chain_count);
	for (size_t i = 0; i < answer->peer_chain_count; i++)
		put_block(&w, answer->peer_chain[i]);
	cl_signer_put_text(&w, error);
	return !w.bad;
}

bool cl_signer_tls_answer_parse(struct bytes body, struct cl_signer_tls_answer *ret)
{
	struct reader r = reader_of(body);
	struct ike_tls_answer *a = &ret->answer;

	*a = (struct ike_tls_answer){ 0 };
	a->failed = reader_u8(&r) != 0;
	a->done = reader_u8(&r) != 0;
	a->output = get_block(&r);
	a->msk = get_block(&r);
	if (!get_chain(&r, ret->chain, &a->peer_chain_count) ||
		!cl_signer_get_text(&r, ret->error) || !reader_end(&r))
		return false;
	a->peer_chain = ret->chain;
	a->error = *ret->error ? ret->error : NULL;
	return true;
}
