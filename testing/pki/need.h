/* What makes certificates for tests goes on with what it needs, or not at all. */
#ifndef TESTING_PKI_NEED_H
#define TESTING_PKI_NEED_H

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#define NEED(condition)                                                                 \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			ERR_print_errors_fp(stderr);                                    \
			abort();                                                        \
		}                                                                       \
	} while (0)

#endif
