/* What the two sides of the fetcher tell each other: the environment of the process. */
#ifndef CHARON_LITE_FETCHER_PRIV_H
#define CHARON_LITE_FETCHER_PRIV_H

#define FETCH_URL "FETCH_URL"
#define FETCH_BODY "FETCH_BODY" /* in hex; absent: GET */
#define FETCH_TYPE "FETCH_TYPE" /* of the body */
#define FETCH_SIZE "FETCH_SIZE" /* octets at most */
#define FETCH_SECONDS "FETCH_SECONDS"
#define FETCH_REDIRECTS "FETCH_REDIRECTS"

#endif
