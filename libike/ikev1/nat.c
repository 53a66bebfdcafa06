/*
 * NAT traversal (RFC 3947 and its drafts): each side sends hashes of the addresses that it believes
 * in, the receiver's first; where the other side sees different ones, somebody in between rewrote
 * them. Then everything moves to port 4500, and children are encapsulated in UDP. `encap = yes`
 * sends a hash that cannot match.
 */
#include "libike/ikev1/ikev1.h"

static bool traverses(const struct ike_sa *sa)
{
	return sa->v1->phase1 && sa->v1->phase1->nat_t < ISAKMP_VENDORS;
}

static bool encapsulates(const struct ike_sa *sa)
{
	return sa->nat_local || sa->nat_remote || sa->nat_fake;
}

/* HASH(CKY-I | CKY-R | IP | Port) with the negotiated hash; returns its length, 0 when OpenSSL
 * refuses. */
static size_t hash(struct ike_engine *e, const struct ike_sa *sa, const struct address *a,
	uint16_t port, uint8_t ret[IKE_PRF_OUTPUT_MAX])
{
	uint8_t room[8 + 8 + 16 + 2];
	struct writer w = writer_of(room, sizeof(room));

	writer_u64(&w, sa->spi_initiator);
	writer_u64(&w, sa->spi_responder);
	writer_put(&w, address_octets(a));
	writer_u16(&w, port);
	struct bytes part = writer_bytes(&w);
	return isakmp_hash(e->crypto, sa->suite.prf, &part, 1, ret);
}

static void build(struct ike_engine *e, struct ike_sa *sa, const struct address *a, uint16_t port,
	struct ike_builder *b)
{
	uint8_t digest[IKE_PRF_OUTPUT_MAX];
	size_t length = hash(e, sa, a, port, digest);

	if (length > 0)
		isakmp_build_nat_d(b, sa->v1->nat_draft, digest, length);
}

void ikev1_nat_build(struct ike_engine *e, struct ike_sa *sa, struct ike_builder *b)
{
	struct address source = sa->local;

	if (!traverses(sa))
		return;
	if (sa->connection && sa->connection->encap) {
		sa->nat_fake = true;
		memset(source.octets, 0, sizeof(source.octets));
		source.port = 0;
	}
	sa->v1->nat_draft = sa->v1->phase1->nat_t != ISAKMP_VENDOR_NAT_T_RFC3947;
	build(e, sa, &sa->remote, sa->remote.port, b);
	build(e, sa, &source, source.port, b);
}

static bool fits(struct ike_engine *e, const struct ike_sa *sa, struct bytes sent,
	const struct address *a, uint16_t port)
{
	uint8_t digest[IKE_PRF_OUTPUT_MAX];
	size_t length = hash(e, sa, a, port, digest);

	return length > 0 && bytes_equal(sent, bytes_of(digest, length));
}

/* In Aggressive Mode a peer may have moved to port 4500 with the message that has its hashes, and
 * they may be those of either pair of ports. */
static bool fits_either(struct ike_engine *e, const struct ike_sa *sa, struct bytes sent,
	const struct address *a, uint16_t port_nat_t, uint16_t port)
{
	if (fits(e, sa, sent, a, a->port))
		return true;
	return (a->port == port_nat_t && fits(e, sa, sent, a, port)) ||
	       (a->port == port && fits(e, sa, sent, a, port_nat_t));
}

void ikev1_nat_read(struct ikev1_received *x)
{
	const struct isakmp_message *m = x->message;
	const struct ike_settings *settings = &x->e->settings;
	struct ike_sa *sa = x->sa;
	bool source_fits = false;

	/* The peer has several addresses, or one; we have the one that it wrote to. */
	if (!traverses(sa) || m->nat_d_count < 2)
		return;
	for (size_t i = 1; i < m->nat_d_count; i++)
		source_fits |= fits_either(x->e, sa, m->nat_d[i], &sa->remote, IKE_PORT_NAT_T, 500);
	sa->nat_remote = !source_fits;
	sa->nat_local = !fits_either(
		x->e, sa, m->nat_d[0], &sa->local, settings->port_nat_t, settings->port);
	if (sa->nat_local)
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "local host is behind NAT");
	if (sa->nat_remote)
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO, "remote host is behind NAT");
}

void ikev1_nat_follow(struct ikev1_received *x)
{
	const struct ike_settings *settings = &x->e->settings;
	const struct address *now = &x->datagram->local;
	struct ike_sa *sa = x->sa;
	bool was_there = sa->local.port == settings->port_nat_t;

	sa->local = x->datagram->local;
	sa->remote = x->datagram->remote;
	if (!traverses(sa))
		return;
	if (sa->v1->phase1->aggressive)
		ikev1_nat_read(x);
	if (was_there)
		return;
	if (now->port == settings->port_nat_t && !encapsulates(sa)) {
		sa->nat_remote = true;
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"peer goes to port %u: it sees a NAT, which we do not", now->port);
	} else if (now->port != settings->port_nat_t && !sa->v1->phase1->aggressive &&
		   !sa->nat_fake && encapsulates(sa)) {
		sa->nat_local = sa->nat_remote = false;
		ike_log(x->e, sa, IKE_LOG_IKE, IKE_LOG_INFO,
			"peer stays at port %u: it sees no NAT, which we do", now->port);
	}
}

void ikev1_nat_float(struct ike_engine *e, struct ike_sa *sa)
{
	if (!traverses(sa))
		return;
	sa->nat_fake |= sa->connection->encap; /* Aggressive Mode says so only now */
	if (!encapsulates(sa) || sa->local.port != e->settings.port)
		return;
	sa->local.port = e->settings.port_nat_t;
	sa->remote.port = IKE_PORT_NAT_T;
}

/* ---- Children ---- */

static uint16_t in_udp(const struct ike_sa *sa, bool transport)
{
	if (sa->v1->nat_draft)
		return transport ? ISAKMP_ENCAPSULATION_UDP_TRANSPORT_DRAFT
				 : ISAKMP_ENCAPSULATION_UDP_TUNNEL_DRAFT;
	return transport ? ISAKMP_ENCAPSULATION_UDP_TRANSPORT : ISAKMP_ENCAPSULATION_UDP_TUNNEL;
}

uint16_t ikev1_nat_encapsulation(const struct ike_sa *sa, uint8_t mode)
{
	bool transport = mode == IKE_MODE_TRANSPORT;

	if (encapsulates(sa))
		return in_udp(sa, transport);
	return transport ? ISAKMP_ENCAPSULATION_TRANSPORT : ISAKMP_ENCAPSULATION_TUNNEL;
}

bool ikev1_nat_mode(const struct ike_sa *sa, uint16_t encapsulation, uint8_t *ret_mode)
{
	bool udp = true;

	switch (encapsulation) {
	case 0: /* not said */
	case ISAKMP_ENCAPSULATION_TUNNEL:
		udp = encapsulation == 0 && encapsulates(sa);
		*ret_mode = IKE_MODE_TUNNEL;
		break;
	case ISAKMP_ENCAPSULATION_TRANSPORT:
		udp = false;
		*ret_mode = IKE_MODE_TRANSPORT;
		break;
	case ISAKMP_ENCAPSULATION_UDP_TUNNEL:
	case ISAKMP_ENCAPSULATION_UDP_TUNNEL_DRAFT:
		*ret_mode = IKE_MODE_TUNNEL;
		break;
	case ISAKMP_ENCAPSULATION_UDP_TRANSPORT:
	case ISAKMP_ENCAPSULATION_UDP_TRANSPORT_DRAFT:
		*ret_mode = IKE_MODE_TRANSPORT;
		break;
	default:
		return false;
	}
	return udp == encapsulates(sa);
}

/* Both original addresses as this end sees them, the initiator's first (RFC 3947 5.2): who is not
 * behind the NAT repairs checksums with them. */
void ikev1_nat_build_oa(struct ike_engine *e, struct ike_sa *sa, uint8_t mode, bool initiator,
	struct ike_builder *b)
{
	(void)e;
	if (mode != IKE_MODE_TRANSPORT || !encapsulates(sa))
		return;
	isakmp_build_nat_oa(b, sa->v1->nat_draft, initiator ? &sa->local : &sa->remote);
	isakmp_build_nat_oa(b, sa->v1->nat_draft, initiator ? &sa->remote : &sa->local);
}
