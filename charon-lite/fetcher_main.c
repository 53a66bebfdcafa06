/* The process that fetches one URL. */
#include "charon-lite/confinement.h"
#include "charon-lite/fetcher.h"
#include "charon-lite/fetcher_priv.h"
#include "charon-lite/privileges.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct transfer {
	const char *url;
	const char *type;
	long size, seconds, redirects;
	uint8_t request[CL_FETCHER_BODY_MAX];
	size_t request_length;
	uint8_t *body;
	size_t used, room;
	bool too_long;
};

static int fail(const char *text)
{
	printf("!%s\n", text);
	return EXIT_FAILURE;
}

/* ---- What is to be done ---- */

static long number_of(const char *name)
{
	const char *text = getenv(name);

	return text ? strtol(text, NULL, 10) : 0;
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *hex, struct transfer *t)
{
	for (; *hex; hex += 2) {
		int high = digit_of(hex[0]), low = digit_of(hex[1]);

		if (high < 0 || low < 0 || t->request_length == sizeof(t->request))
			return false;
		t->request[t->request_length++] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool read_orders(struct transfer *t)
{
	const char *hex = getenv(FETCH_BODY);

	t->url = getenv(FETCH_URL);
	t->type = getenv(FETCH_TYPE);
	t->size = number_of(FETCH_SIZE);
	t->seconds = number_of(FETCH_SECONDS);
	t->redirects = number_of(FETCH_REDIRECTS);
	return t->url && t->size > 0 && t->seconds > 0 && t->redirects >= 0 &&
	       (!hex || (t->type && read_hex(hex, t)));
}

/* ---- The transfer ---- */

static size_t received(char *data, size_t size, size_t count, void *context)
{
	struct transfer *t = context;
	size_t more = size * count, most = (size_t)t->size;

	if (more > most - t->used) {
		t->too_long = true;
		return 0; /* ends it */
	}
	if (t->used + more > t->room) {
		size_t room = 2 * (t->used + more);
		uint8_t *larger = realloc(t->body, room < most ? room : most);

		if (!larger)
			return 0;
		t->body = larger;
		t->room = room < most ? room : most;
	}
	bytes_copy(t->body + t->used, bytes_of(data, more));
	t->used += more;
	return more;
}

static bool set_options(CURL *curl, struct transfer *t)
{
	bool file = strncasecmp(t->url, "file:", 5) == 0;

	return curl_easy_setopt(curl, CURLOPT_URL, t->url) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, file ? "file" : "http,https") ==
		       CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, t->redirects > 0 ? 1L : 0L) ==
		       CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_MAXREDIRS, t->redirects) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_TIMEOUT, t->seconds) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, t->seconds) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_MAXFILESIZE, t->size) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_USERAGENT, "charon-lite") == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, received) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_WRITEDATA, t) == CURLE_OK;
}

static bool set_request(CURL *curl, const struct transfer *t, struct curl_slist **headers)
{
	char line[128];

	if (t->request_length == 0)
		return true;
	snprintf(line, sizeof(line), "Content-Type: %s", t->type);
	*headers = curl_slist_append(NULL, line);
	return *headers && curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)t->request_length) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_POSTFIELDS, t->request) == CURLE_OK;
}

/* Files have no status. */
static bool is_success(long status)
{
	return status == 0 || status == 200;
}

static int report(CURL *curl, const struct transfer *t, CURLcode code, const char *detail)
{
	char text[CURL_ERROR_SIZE + 64];
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (t->too_long || code == CURLE_FILESIZE_EXCEEDED)
		snprintf(text, sizeof(text), "longer than %ld octets", t->size);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		snprintf(text, sizeof(text), "no answer within %ld seconds", t->seconds);
	else if (code != CURLE_OK)
		snprintf(text, sizeof(text), "%s", detail[0] ? detail : curl_easy_strerror(code));
	else if (!is_success(status))
		snprintf(text, sizeof(text), "HTTP status %ld", status);
	else {
		putchar('+');
		if (t->used > 0)
			(void)fwrite(t->body, 1, t->used, stdout);
		return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	return fail(text);
}

static int transfer(struct transfer *t)
{
	char detail[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	int status = EXIT_FAILURE;
	CURL *curl = curl_easy_init();

	if (curl && curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail) == CURLE_OK &&
		set_options(curl, t) && set_request(curl, t, &headers))
		status = report(curl, t, curl_easy_perform(curl), detail);
	else
		fail("libcurl refuses");
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	free(t->body);
	return status;
}

int cl_fetcher_main(void)
{
	static struct transfer t;
	struct why why;

	cl_confine_lifetime();
	if (!cl_privileges_drop(false, &why))
		return fail(why.text);
	if (!read_orders(&t))
		return fail("no orders");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return fail("libcurl does not start");
	int status = transfer(&t);
	curl_global_cleanup();
	return status;
}
