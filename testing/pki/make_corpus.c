/* make-revocation-corpus FOLDER: writes the committed corpora of the fuzz targets crl and ocsp
 * anew, into FOLDER/crl and FOLDER/ocsp. */
#include "testing/pki/ocsp.h"

#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *folder;
static struct pki_certificate ca, peer, responder;

static void write_part(FILE *file, struct bytes der)
{
	fputc((int)(der.length >> 8), file);
	fputc((int)(der.length & 0xff), file);
	fwrite(der.at, 1, der.length, file);
}

/* Frees what. */
static void put(const char *kind, const char *name, struct bytes what, bool is_crl)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s/%s", folder, kind, name);
	FILE *file = fopen(path, "w");
	if (!file) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	if (!is_crl)
		write_part(file, ike_certificate_der(ca.c));
	write_part(file, ike_certificate_der(peer.c));
	fwrite(what.at, 1, what.length, file);
	fclose(file);
	free((void *)what.at);
}

#define NUMBERED "crlNumber = DER:02:01:05\n"

static void make_crls(void)
{
	const struct pki_certificate *revoked[] = { &peer, &responder, NULL };
	static const struct {
		const char *name, *extensions;
		bool revoked;
	} crls[] = {
		{ "good", NUMBERED, false },
		{ "revoked", NUMBERED, true },
		{ "plain", "", true },
		{ "delta", NUMBERED "deltaCRL = critical, DER:02:01:04\n", true },
		{ "point",
			NUMBERED "issuingDistributionPoint = critical, @p\n[p]\n"
				 "fullname = URI:http://crl.example.org/ca.crl\n",
			false },
		{ "ends",
			NUMBERED "issuingDistributionPoint = critical, @p\n[p]\nonlyuser = TRUE\n",
			false },
		{ "indirect",
			NUMBERED
			"issuingDistributionPoint = critical, @p\n[p]\nindirectCRL = TRUE\n",
			true },
		{ "reasons",
			NUMBERED "issuingDistributionPoint = critical, @p\n[p]\n"
				 "onlysomereasons = keyCompromise\n",
			false },
		{ "freshest", NUMBERED "freshestCRL = URI:http://crl.example.org/delta.crl\n",
			false },
		{ "unknown", NUMBERED "1.2.3.4 = critical, DER:05:00\n", false },
	};

	for (size_t i = 0; i < sizeof(crls) / sizeof(*crls); i++)
		put("crl", crls[i].name,
			pki_crl(&(struct pki_crl_spec){ .issuer = &ca,
				.extensions = crls[i].extensions,
				.revoked = crls[i].revoked ? revoked : NULL }),
			true);
}

static void make_ocsp(void)
{
	static const uint8_t nonce[32] = { 1, 2, 3 };
	const struct pki_ocsp_spec good = { .certificate = &peer, .issuer = &ca };
	struct pki_ocsp_spec spec = good;

	put("ocsp", "good", pki_ocsp(&spec), false);
	spec.status = V_OCSP_CERTSTATUS_REVOKED;
	spec.reason = OCSP_REVOKED_STATUS_KEYCOMPROMISE;
	put("ocsp", "revoked", pki_ocsp(&spec), false);
	spec = good;
	spec.status = V_OCSP_CERTSTATUS_UNKNOWN;
	put("ocsp", "unknown", pki_ocsp(&spec), false);
	spec = good;
	spec.nonce = bytes_of(nonce, sizeof(nonce));
	spec.by_key = true;
	put("ocsp", "nonce", pki_ocsp(&spec), false);
	spec = good;
	spec.signer = &responder;
	spec.enclosed = true;
	spec.id_digest = "SHA256";
	spec.next_update = -1;
	put("ocsp", "delegate", pki_ocsp(&spec), false);
	spec = good;
	spec.critical = true;
	put("ocsp", "critical", pki_ocsp(&spec), false);
	put("ocsp", "try-later", pki_ocsp_failure(OCSP_RESPONSE_STATUS_TRYLATER), false);
}

int main(int argc, char **argv)
{
	char path[400];

	if (argc != 2) {
		fputs("usage: make-revocation-corpus FOLDER\n", stderr);
		return EXIT_FAILURE;
	}
	folder = argv[1];
	snprintf(path, sizeof(path), "%s/crl", folder);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/ocsp", folder);
	mkdir(path, 0777);
	ca = pki_root("/CN=CA");
	peer = pki_issue(&(struct pki_spec){ .subject = "/CN=peer",
		.issuer = &ca,
		.extensions =
			PKI_END "crlDistributionPoints = URI:http://crl.example.org/ca.crl\n"
				"authorityInfoAccess = OCSP;URI:http://ocsp.example.org/\n" });
	responder = pki_issue(&(struct pki_spec){
		.subject = "/CN=responder", .issuer = &ca, .extensions = PKI_RESPONDER });
	make_crls();
	make_ocsp();
	return EXIT_SUCCESS;
}
