#include "charon-lite/kernel_state.h"

#include "charon-lite/kernel_selector.h"

uint8_t cl_kernel_protocol(uint8_t protocol)
{
	return protocol == IKE_PROTOCOL_AH ? IPPROTO_AH : IPPROTO_ESP;
}

struct xfrm_state_id cl_kernel_state_id(const struct ike_kernel_id *id)
{
	return (struct xfrm_state_id){
		.destination = id->destination,
		.spi = id->spi,
		.protocol = cl_kernel_protocol(id->protocol),
		.mark = { .v = id->mark.value, .m = id->mark.mask },
	};
}

struct xfrm_state_id cl_kernel_compression_id(const struct ike_kernel_id *id)
{
	struct xfrm_state_id result = cl_kernel_state_id(id);

	result.spi = id->cpi;
	result.protocol = IPPROTO_COMP;
	return result;
}

static void algorithms_fill(const struct ike_kernel_sa *sa, struct xfrm_state *ret)
{
	const struct ike_algorithm *encryption = sa->encryption, *integrity = sa->integrity;

	if (encryption) {
		struct xfrm_algorithm *to = encryption->aead ? &ret->aead : &ret->encryption;

		to->name = encryption->kernel_name;
		to->key = sa->encryption_key;
		to->bits = encryption->aead ? encryption->icv_length * 8 : 0;
	}
	if (integrity && !(encryption && encryption->aead)) {
		ret->integrity.name = integrity->kernel_name;
		ret->integrity.key = sa->integrity_key;
		ret->integrity.bits = integrity->icv_length * 8;
	}
}

static bool algorithms_known(const struct ike_kernel_sa *sa, struct why *why)
{
	if (sa->encryption && !sa->encryption->kernel_name)
		return why_fail(why, "%s is not for ESP", sa->encryption->name);
	if (sa->integrity && !sa->integrity->kernel_name)
		return why_fail(why, "%s is not for ESP and AH", sa->integrity->name);
	return true;
}

static void mode_fill(const struct ike_kernel_sa *sa, struct xfrm_state *ret)
{
	if (sa->mode == IKE_MODE_TRANSPORT) {
		ret->mode = XFRM_MODE_TRANSPORT;
		/* several pairs have no common form: then the policies alone decide */
		if (sa->source_selector_count == 1 && sa->destination_selector_count == 1 &&
			!cl_kernel_selector_of_pair(
				sa->source_selectors, sa->destination_selectors, &ret->selector))
			ret->selector = (struct xfrm_traffic_selector){ 0 };
		return;
	}
	ret->mode = sa->mode == IKE_MODE_BEET ? XFRM_MODE_BEET : XFRM_MODE_TUNNEL;
	if (ret->mode == XFRM_MODE_TUNNEL)
		ret->flags |= XFRM_STATE_AF_UNSPEC; /* IPv6 in IPv4 and the other way */
	ret->flags |= sa->copy_df ? 0 : XFRM_STATE_NOPMTUDISC;
	ret->flags |= sa->copy_ecn ? 0 : XFRM_STATE_NOECN;
	ret->flags |= sa->copy_dscp_in ? XFRM_STATE_DECAP_DSCP : 0;
	ret->extra_flags |= sa->copy_dscp_out ? 0 : XFRM_SA_XFLAG_DONT_ENCAP_DSCP;
}

/* A direction that is told makes the kernel refuse what is of no use to it. */
static void processor_fill(const struct ike_kernel_sa *sa, struct xfrm_state *ret)
{
	if (!sa->one_processor)
		return;
	ret->processor = (struct xfrm_processor){ .one = true, .number = sa->processor };
	ret->direction = sa->inbound ? XFRM_DIRECTION_IN : XFRM_DIRECTION_OUT;
	if (sa->inbound) {
		ret->flags &= (uint8_t)~XFRM_STATE_NOPMTUDISC;
		ret->extra_flags &= ~(uint32_t)XFRM_SA_XFLAG_DONT_ENCAP_DSCP;
	} else {
		ret->flags &= (uint8_t)~XFRM_STATE_DECAP_DSCP;
	}
}

bool cl_kernel_state(const struct ike_kernel_sa *sa, struct xfrm_state *ret, struct why *why)
{
	*ret = (struct xfrm_state){
		.id = cl_kernel_state_id(&sa->id),
		.source = sa->id.source,
		.mode = XFRM_MODE_TRANSPORT,
		.reqid = sa->reqid,
		.esn = sa->esn,
		.replay_window = sa->inbound ? sa->replay_window : 0,
		.udp_encapsulation = sa->udp_encapsulation,
		.limits = {
			.soft_bytes = sa->lifetime.soft_bytes,
			.hard_bytes = sa->lifetime.hard_bytes,
			.soft_packets = sa->lifetime.soft_packets,
			.hard_packets = sa->lifetime.hard_packets,
			.soft_seconds = sa->lifetime.soft_seconds,
			.hard_seconds = sa->lifetime.hard_seconds,
		},
		.set_mark = { .v = sa->set_mark.value, .m = sa->set_mark.mask },
		.if_id = sa->id.if_id,
	};
	if (!algorithms_known(sa, why))
		return false;
	algorithms_fill(sa, ret);
	if (sa->id.cpi == 0)
		mode_fill(sa, ret);
	processor_fill(sa, ret);
	if (!sa->inbound && sa->id.protocol == IKE_PROTOCOL_ESP && sa->mode != IKE_MODE_TRANSPORT)
		ret->tfc_padding = sa->tfc_padding;
	return true;
}

void cl_kernel_compression(const struct ike_kernel_sa *sa, struct xfrm_state *ret)
{
	*ret = (struct xfrm_state){
		.id = cl_kernel_compression_id(&sa->id),
		.source = sa->id.source,
		.reqid = sa->reqid,
		.compression = { .name = "deflate" },
		.if_id = sa->id.if_id,
	};
	mode_fill(sa, ret);
	processor_fill(sa, ret);
}

void cl_kernel_offload(const struct ike_kernel_sa *sa, unsigned interface, struct xfrm_state *ret)
{
	ret->offload_interface = interface;
	ret->offload_flags = sa->inbound ? XFRM_OFFLOAD_INBOUND : 0;
	if (sa->hw_offload == IKE_HW_OFFLOAD_PACKET)
		ret->offload_flags |= XFRM_OFFLOAD_PACKET;
}
