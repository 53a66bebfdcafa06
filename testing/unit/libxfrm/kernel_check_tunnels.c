/* Tunnels of every kind carry packets. */
#include "testing/unit/libxfrm/kernel_check.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct xfrm_algorithm algorithm(const char *name, size_t key_length, uint16_t bits)
{
	return (struct xfrm_algorithm){ name, bytes_of(key_octets, key_length), bits };
}

static struct xfrm_state gcm(uint8_t mode)
{
	return (struct xfrm_state){
		.id.protocol = IPPROTO_ESP,
		.mode = mode,
		.aead = algorithm("rfc4106(gcm(aes))", 36, 128),
		.replay_window = 32,
	};
}

static uint64_t packets_sent(const struct tunnel *tunnel, int from)
{
	struct xfrm_state state = tunnel_state(tunnel, from);
	struct xfrm_state_status status = { 0 };

	if (xfrm_state_query(sites[from].handle, &state.id, &status, NULL) != XFRM_RESULT_OK)
		return 0;
	return status.packets;
}

/* UDP sockets that take ESP out of port 4500, at both sites. */
static void encapsulation_open(int family, int ret_sockets[SITES])
{
	struct why why;

	for (int site = 0; site < SITES; site++) {
		struct address local = outer(site, family);
		struct sockaddr_storage bound;

		local.port = 4500;
		socklen_t length = address_to_sockaddr(&local, &bound);
		site_enter(site);
		ret_sockets[site] = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		must(bind(ret_sockets[site], (struct sockaddr *)&bound, length) == 0, "bind 4500");
		check(xfrm_socket_bypass(ret_sockets[site], family, &why), why.text,
			"bypass for a socket of family %d", family);
		check(xfrm_socket_udp_encapsulation(ret_sockets[site], &why), why.text,
			"UDP encapsulation for a socket of family %d", family);
	}
}

static void check_tunnel(const struct tunnel *tunnel)
{
	bool transport = tunnel->shape.mode == XFRM_MODE_TRANSPORT;
	struct address moon =
		transport ? outer(MOON, tunnel->family) : inner(MOON, tunnel->inner_family);
	struct address sun =
		transport ? outer(SUN, tunnel->family) : inner(SUN, tunnel->inner_family);
	int sockets[SITES] = { -1, -1 };
	const char *problem = NULL;
	struct why why;

	if (tunnel->shape.udp_encapsulation)
		encapsulation_open(tunnel->family, sockets);
	if (!tunnel_install(tunnel, &why)) {
		problem = why.text;
	} else {
		struct talk talk = talk_open(&moon, &sun);

		if (!talk_passes(&talk, MOON) || !talk_passes(&talk, SUN) ||
			!talk_passes(&talk, MOON))
			problem = "no packet came through";
		else if (packets_sent(tunnel, MOON) == 0 || packets_sent(tunnel, SUN) == 0)
			problem = "packets were not encrypted";
		talk_close(&talk);
	}
	check(!problem, problem, "%s", tunnel->name);
	tunnel_remove();
	for (int site = 0; site < SITES; site++)
		if (sockets[site] >= 0)
			close(sockets[site]);
}

static void check_mode(
	const char *name, int family, int inner_family, const struct xfrm_state *shape, bool ipcomp)
{
	char text[128];
	struct tunnel tunnel = { .name = text,
		.family = family,
		.inner_family = inner_family,
		.shape = *shape,
		.ipcomp = ipcomp };

	snprintf(text, sizeof(text), "%s, IPv%d in IPv%d", name, inner_family == AF_INET ? 4 : 6,
		family == AF_INET ? 4 : 6);
	check_tunnel(&tunnel);
}

static void check_mode_of_families(const char *name, const struct xfrm_state *shape, bool ipcomp)
{
	check_mode(name, AF_INET, AF_INET, shape, ipcomp);
	check_mode(name, AF_INET6, AF_INET6, shape, ipcomp);
}

void check_modes(void)
{
	struct xfrm_state shape = gcm(XFRM_MODE_TUNNEL);

	check_mode_of_families("ESP tunnel", &shape, false);
	check_mode("ESP tunnel", AF_INET, AF_INET6, &shape, false);
	check_mode("ESP tunnel", AF_INET6, AF_INET, &shape, false);
	shape.udp_encapsulation = true;
	check_mode_of_families("ESP tunnel in UDP", &shape, false);
	shape = gcm(XFRM_MODE_TRANSPORT);
	check_mode_of_families("ESP transport", &shape, false);
	shape.udp_encapsulation = true;
	check_mode_of_families("ESP transport in UDP", &shape, false);
	shape = gcm(XFRM_MODE_TUNNEL);
	shape.esn = true;
	shape.replay_window = 1024;
	check_mode_of_families("ESP tunnel with ESN and window 1024", &shape, false);
	shape.replay_window = 0;
	check_mode_of_families("ESP tunnel with ESN and no window", &shape, false);
	shape.esn = false;
	shape.replay_window = 4096;
	check_mode_of_families("ESP tunnel with window 4096", &shape, false);
	shape.replay_window = 0;
	check_mode_of_families("ESP tunnel without replay protection", &shape, false);
	shape = gcm(XFRM_MODE_TUNNEL);
	shape.tfc_padding = 1000;
	shape.flags = XFRM_STATE_NOPMTUDISC | XFRM_STATE_NOECN | XFRM_STATE_DECAP_DSCP;
	shape.extra_flags = XFRM_SA_XFLAG_DONT_ENCAP_DSCP;
	check_mode_of_families("ESP tunnel with padding and flags", &shape, false);
	shape = gcm(XFRM_MODE_TUNNEL);
	shape.set_mark = (struct xfrm_mark){ 0x10, 0xff };
	check_mode_of_families("ESP tunnel that marks packets", &shape, false);
	shape = gcm(XFRM_MODE_TUNNEL);
	check_mode_of_families("ESP with IPCOMP", &shape, true);
	shape = (struct xfrm_state){ .id.protocol = IPPROTO_AH,
		.mode = XFRM_MODE_TUNNEL,
		.integrity = algorithm("hmac(sha256)", 32, 128),
		.replay_window = 32 };
	check_mode_of_families("AH tunnel", &shape, false);
	shape.esn = true;
	check_mode_of_families("AH tunnel with ESN", &shape, false);
	shape.mode = XFRM_MODE_TRANSPORT;
	check_mode_of_families("AH transport", &shape, false);
}

static const struct {
	const char *name;
	size_t key_length;
	uint16_t icv_bits; /* AEAD */
} ciphers[] = {
	{ "rfc4106(gcm(aes))", 20, 64 },
	{ "rfc4106(gcm(aes))", 20, 96 },
	{ "rfc4106(gcm(aes))", 20, 128 },
	{ "rfc4106(gcm(aes))", 28, 128 },
	{ "rfc4106(gcm(aes))", 36, 64 },
	{ "rfc4106(gcm(aes))", 36, 96 },
	{ "rfc4309(ccm(aes))", 19, 64 },
	{ "rfc4309(ccm(aes))", 19, 96 },
	{ "rfc4309(ccm(aes))", 19, 128 },
	{ "rfc4309(ccm(aes))", 27, 128 },
	{ "rfc4309(ccm(aes))", 35, 128 },
	{ "rfc7539esp(chacha20,poly1305)", 36, 128 },
	{ "cbc(aes)", 16, 0 },
	{ "cbc(aes)", 24, 0 },
	{ "cbc(aes)", 32, 0 },
	{ "rfc3686(ctr(aes))", 20, 0 },
	{ "rfc3686(ctr(aes))", 28, 0 },
	{ "rfc3686(ctr(aes))", 36, 0 },
	{ "cbc(des3_ede)", 24, 0 },
	{ "cbc(camellia)", 16, 0 },
	{ "cbc(camellia)", 24, 0 },
	{ "cbc(camellia)", 32, 0 },
	{ "ecb(cipher_null)", 0, 0 },
};

static const struct {
	const char *name;
	size_t key_length;
	uint16_t bits;
} integrities[] = {
	{ "hmac(md5)", 16, 96 },
	{ "hmac(md5)", 16, 128 },
	{ "hmac(sha1)", 20, 96 },
	{ "hmac(sha1)", 20, 160 },
	{ "hmac(sha256)", 32, 96 },
	{ "hmac(sha256)", 32, 128 },
	{ "hmac(sha384)", 48, 192 },
	{ "hmac(sha512)", 64, 256 },
	{ "xcbc(aes)", 16, 96 },
	{ "cmac(aes)", 16, 96 },
};

static void check_one(const char *text, const struct xfrm_state *shape)
{
	struct tunnel tunnel = {
		.name = text, .family = AF_INET, .inner_family = AF_INET, .shape = *shape
	};

	check_tunnel(&tunnel);
}

void check_algorithms(void)
{
	char text[128];

	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		struct xfrm_state shape = {
			.id.protocol = IPPROTO_ESP, .mode = XFRM_MODE_TUNNEL, .replay_window = 32
		};

		if (ciphers[i].icv_bits) {
			shape.aead = algorithm(
				ciphers[i].name, ciphers[i].key_length, ciphers[i].icv_bits);
		} else {
			shape.encryption = algorithm(ciphers[i].name, ciphers[i].key_length, 0);
			shape.integrity = algorithm("hmac(sha1)", 20, 96);
		}
		snprintf(text, sizeof(text), "ESP %s, key of %zu octets, ICV of %u bits",
			ciphers[i].name, ciphers[i].key_length, ciphers[i].icv_bits);
		check_one(text, &shape);
	}
	for (size_t i = 0; i < sizeof(integrities) / sizeof(integrities[0]); i++) {
		struct xfrm_state shape = {
			.id.protocol = IPPROTO_ESP,
			.mode = XFRM_MODE_TUNNEL,
			.encryption = algorithm("cbc(aes)", 16, 0),
			.integrity = algorithm(integrities[i].name, integrities[i].key_length,
				integrities[i].bits),
			.replay_window = 32,
		};

		snprintf(text, sizeof(text), "ESP cbc(aes) with %s, %u bits", integrities[i].name,
			integrities[i].bits);
		check_one(text, &shape);
		shape.id.protocol = IPPROTO_AH;
		shape.encryption = (struct xfrm_algorithm){ 0 };
		snprintf(text, sizeof(text), "AH %s, %u bits", integrities[i].name,
			integrities[i].bits);
		check_one(text, &shape);
	}
}
