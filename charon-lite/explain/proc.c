#include "charon-lite/explain/proc.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

bool cl_proc_read(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got = 1;

	if (fd < 0)
		return false;
	while (length + 1 < room && (got = read(fd, text + length, room - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	text[length] = '\0';
	return got >= 0;
}

long cl_proc_number(const char *path, long otherwise)
{
	char text[32], *end;
	long number;

	if (!cl_proc_read(path, text, sizeof(text)))
		return otherwise;
	number = strtol(text, &end, 10);
	return end == text ? otherwise : number;
}
