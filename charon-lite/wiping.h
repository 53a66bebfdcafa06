/*
 * Memory of libraries, wiped when it is freed: libevent's, as requests of VICI's clients pass
 * through it and some of them are secrets; in the signer OpenSSL's, whose parsers leave pieces of
 * keys behind.
 */
#ifndef CHARON_LITE_WIPING_H
#define CHARON_LITE_WIPING_H

/* Before anything else of the library is called. */
void cl_wipe_event_memory(void);
void cl_wipe_openssl_memory(void);

#endif
