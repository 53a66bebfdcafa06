#include "charon-lite/apparmor.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LABEL "/proc/self/attr/current"

bool cl_apparmor_enforces(const char *label, char *ret_profile, size_t size)
{
	static const char mode[] = " (enforce)";
	size_t length = strcspn(label, "\n"), end = sizeof(mode) - 1;

	if (length <= end || memcmp(label + length - end, mode, end) != 0)
		return false;
	return snprintf(ret_profile, size, "%.*s", (int)(length - end), label) < (int)size;
}

const char *cl_apparmor_hint_from(const char *file, char text[CL_APPARMOR_HINT_MAX])
{
	char label[256] = "", profile[256];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd >= 0 ? read(fd, label, sizeof(label) - 1) : -1;

	if (fd >= 0)
		close(fd);
	label[length > 0 ? length : 0] = '\0';
	text[0] = '\0';
	if (cl_apparmor_enforces(label, profile, sizeof(profile)))
		snprintf(text, CL_APPARMOR_HINT_MAX,
			"AppArmor's profile %s may be why (the kernel's log says so): what is to "
			"be allowed goes into /etc/apparmor.d/local/usr.sbin.charon-lite, see "
			"charon-lite(8), SERVICE",
			profile);
	return text;
}

const char *cl_apparmor_hint(char text[CL_APPARMOR_HINT_MAX])
{
	text[0] = '\0';
	return geteuid() == 0 ? cl_apparmor_hint_from(LABEL, text) : text;
}
