#include "libike/eap/packet.h"

#define LENGTH_OFFSET 2

bool ike_eap_packet_parse(struct bytes bytes, struct ike_eap_packet *ret)
{
	struct reader r = reader_of(bytes);

	*ret = (struct ike_eap_packet){ .whole = bytes };
	ret->code = reader_u8(&r);
	ret->identifier = reader_u8(&r);
	if (reader_u16(&r) != bytes.length || r.bad)
		return false;
	if (ret->code == IKE_EAP_SUCCESS || ret->code == IKE_EAP_FAILURE)
		return reader_end(&r);
	if (ret->code != IKE_EAP_REQUEST && ret->code != IKE_EAP_RESPONSE)
		return false;
	ret->type = reader_u8(&r);
	ret->data = reader_rest(&r);
	return !r.bad && ret->type != 0;
}

size_t ike_eap_packet_begin(struct writer *w, uint8_t code, uint8_t identifier, uint8_t type)
{
	size_t begin = w->length;

	writer_u8(w, code);
	writer_u8(w, identifier);
	writer_u16(w, 0);
	if (type)
		writer_u8(w, type);
	return begin;
}

void ike_eap_packet_finish(struct writer *w, size_t begin)
{
	if (!w->bad)
		writer_patch_u16(w, begin + LENGTH_OFFSET, (uint16_t)(w->length - begin));
}
