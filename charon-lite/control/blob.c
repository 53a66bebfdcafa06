#include "charon-lite/control/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEGIN "-----BEGIN "
#define END "-----END "

/* What follows text in b, text included; empty when it is not there. */
static struct bytes from(struct bytes b, const char *text)
{
	const uint8_t *at = b.length ? memmem(b.at, b.length, text, strlen(text)) : NULL;

	return at ? bytes_of(at, b.length - (size_t)(at - b.at)) : (struct bytes){ 0 };
}

static bool is_of_type(struct bytes block, const char *type)
{
	size_t length = type ? strlen(type) : 0;
	const uint8_t *line = block.at + strlen(BEGIN);
	size_t left = block.length - strlen(BEGIN);
	const uint8_t *dashes = memmem(line, left, "-----", 5);

	return !type || (dashes && (size_t)(dashes - line) >= length &&
				memcmp(dashes - length, type, length) == 0);
}

bool cl_blob_next(struct bytes *rest, const char *type, struct bytes *ret)
{
	while (rest->length > 0) {
		struct bytes begin = rest->at[0] == 0x30 ? (struct bytes){ 0 } : from(*rest, BEGIN);
		struct bytes end = from(begin, END);

		if (begin.length == 0) { /* DER, or rubbish behind the last block */
			bool der = rest->at[0] == 0x30;

			*ret = *rest;
			*rest = (struct bytes){ 0 };
			return der;
		}
		struct bytes next = end.length ? from(bytes_of(end.at + 1, end.length - 1), BEGIN)
					       : (struct bytes){ 0 };
		*ret = bytes_of(begin.at, begin.length - next.length);
		*rest = next;
		if (is_of_type(*ret, type))
			return true;
	}
	return false;
}

bool cl_blob_read(const char *path, struct secret *ret, struct why *why)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	int error = 0;

	if (fd < 0 || fstat(fd, &status) < 0)
		error = errno;
	else if (!S_ISREG(status.st_mode))
		error = EISDIR;
	else if (status.st_size == 0 || status.st_size > IKE_CERTIFICATE_LENGTH_MAX)
		error = EFBIG;
	else if (!secret_allocate(ret, (size_t)status.st_size))
		error = ENOMEM;
	else if (read(fd, ret->at, ret->length) != (ssize_t)ret->length)
		error = EIO;
	if (fd >= 0)
		close(fd);
	return error == 0 || why_fail(why, "reading '%s': %s", path, strerror(error));
}

struct ike_certificate *cl_certificate_parse(
	const struct cl_certificate_source *source, struct bytes encoded, struct why *why)
{
	struct ike_certificate *known =
		source->known ? ike_certificates_find(source->known, encoded) : NULL;

	return known ? known : ike_certificate_parse(source->library, encoded, why);
}
