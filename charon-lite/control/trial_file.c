#include "charon-lite/control/trial_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((off_t)512 * 1024 * 1024)
#define NEW_NAME CL_TRIAL_NAME ".new" /* until it is complete */

static bool write_all(int fd, struct bytes content)
{
	while (content.length > 0) {
		ssize_t count = write(fd, content.at, content.length);

		if (count < 0 && errno != EINTR)
			return false;
		if (count > 0)
			content = bytes_of(content.at + count, content.length - (size_t)count);
	}
	return fsync(fd) == 0;
}

/* A file that was made anew: nobody else has it open, and no link leads elsewhere. */
static bool write_new(int directory, struct bytes content)
{
	(void)unlinkat(directory, NEW_NAME, 0);
	int fd = openat(directory, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		S_IRUSR | S_IWUSR);
	if (fd < 0)
		return false;
	bool written = write_all(fd, content) &&
		       renameat(directory, NEW_NAME, directory, CL_TRIAL_NAME) == 0;
	int error = errno;

	close(fd);
	if (!written) /* half of it has secrets, too */
		(void)unlinkat(directory, NEW_NAME, 0);
	errno = error;
	return written && fsync(directory) == 0;
}

bool cl_trial_file_write(const char *directory, struct bytes content, struct why *why)
{
	(void)mkdir(directory, S_IRWXU);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool written = fd >= 0 && write_new(fd, content);

	if (!written)
		why_fail(why, "writing %s/%s: %s", directory, CL_TRIAL_NAME, strerror(errno));
	if (fd >= 0)
		close(fd);
	return written;
}

static bool read_all(int fd, struct secret *ret)
{
	struct stat status;
	size_t used = 0;

	if (fstat(fd, &status) < 0)
		return false;
	if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAX || status.st_uid != geteuid() ||
		(status.st_mode & (S_IRWXG | S_IRWXO))) {
		errno = EPERM;
		return false;
	}
	if (!secret_allocate(ret, (size_t)status.st_size)) {
		errno = ENOMEM;
		return false;
	}
	while (used < ret->length) {
		ssize_t count = read(fd, ret->at + used, ret->length - used);

		if (count == 0 || (count < 0 && errno != EINTR))
			return false;
		used += count > 0 ? (size_t)count : 0;
	}
	return true;
}

bool cl_trial_file_read(const char *directory, struct secret *ret, bool *ret_there, struct why *why)
{
	char path[4096];

	/* Of one that was killed while it wrote. */
	snprintf(path, sizeof(path), "%s/%s", directory, NEW_NAME);
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/%s", directory, CL_TRIAL_NAME);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	*ret_there = fd >= 0 || errno != ENOENT;
	bool good = fd >= 0 && read_all(fd, ret);
	if (!good)
		why_fail(why, "reading %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return good;
}

/* Also when it is not there: an earlier attempt may have failed at the disk alone. */
static bool remove_from(int directory)
{
	return (unlinkat(directory, CL_TRIAL_NAME, 0) == 0 || errno == ENOENT) &&
	       fsync(directory) == 0;
}

bool cl_trial_file_remove(const char *directory, struct why *why)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool removed = fd >= 0 ? remove_from(fd) : errno == ENOENT;

	if (!removed)
		why_fail(why, "removing %s/%s: %s", directory, CL_TRIAL_NAME, strerror(errno));
	if (fd >= 0)
		close(fd);
	return removed;
}
