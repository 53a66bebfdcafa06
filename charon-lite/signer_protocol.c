#include "charon-lite/signer_protocol.h"

bool cl_signer_frame_new(struct secret *ret, uint8_t kind, uint64_t number, size_t body_length)
{
	struct writer w;

	if (body_length > CL_SIGNER_FRAME_MAX - CL_SIGNER_HEADER ||
		!secret_allocate(ret, CL_SIGNER_LENGTH + CL_SIGNER_HEADER + body_length))
		return false;
	w = writer_of(ret->at, ret->length);
	writer_u32(&w, (uint32_t)(CL_SIGNER_HEADER + body_length));
	writer_u8(&w, kind);
	writer_u64(&w, number);
	return true;
}

bool cl_signer_frame_length(const uint8_t field[CL_SIGNER_LENGTH], size_t *ret)
{
	struct reader r = reader_of(bytes_of(field, CL_SIGNER_LENGTH));
	size_t length = reader_u32(&r);

	if (length < CL_SIGNER_HEADER || length > CL_SIGNER_FRAME_MAX)
		return false;
	*ret = length;
	return true;
}

bool cl_signer_frame_parse(struct bytes bytes, struct cl_signer_frame *ret)
{
	struct reader r = reader_of(bytes);

	ret->kind = reader_u8(&r);
	ret->number = reader_u64(&r);
	ret->body = reader_rest(&r);
	return !r.bad;
}

void cl_signer_put_text(struct writer *w, const char *text)
{
	size_t length = strlen(text);

	writer_u8(w, (uint8_t)(length < 255 ? length : 255));
	writer_put(w, bytes_of(text, length < 255 ? length : 255));
}

bool cl_signer_get_text(struct reader *r, char ret[256])
{
	struct bytes text = reader_bytes(r, reader_u8(r));

	if (r->bad || (text.length > 0 && memchr(text.at, 0, text.length)))
		return false;
	bytes_copy(ret, text);
	ret[text.length] = '\0';
	return true;
}
