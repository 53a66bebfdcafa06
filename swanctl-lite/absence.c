#include "swanctl-lite/absence.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUR_NAME "charon-lite"

static const struct {
	const char *name, *meaning, *cure;
} absences[SWANCTL_ABSENCES] = {
	[SWANCTL_NO_XFRM] = { "kernel-module-missing",
		"no daemon answers, and none can start: the kernel of this host lacks the module "
		"xfrm_user, by which IPsec is set up",
		"modprobe -a xfrm_user esp4 esp6, then systemctl start charon-lite; where that "
		"finds "
		"none, the kernel that runs is not the one whose modules are installed (uname -r; "
		"reboot after an upgrade), or they come in a package of their own; for a container "
		"load them on its host" },
	[SWANCTL_PORT_TAKEN] = { "port-taken",
		"no daemon answers, and another program has a UDP port of IKE: charon-lite does "
		"not "
		"start beside it",
		"stop that program for good (of strongSwan: systemctl disable --now strongswan "
		"strongswan-starter), then systemctl restart charon-lite" },
	[SWANCTL_SOCKET_ABSENT] = { "socket-elsewhere",
		"charon-lite runs, and its command socket is not where it was looked for",
		"name the socket with --uri, or set swanctl.socket in strongswan.conf to what the "
		"daemon's charon.plugins.vici.socket says" },
	[SWANCTL_NOT_PERMITTED] = { "not-permitted",
		"the daemon's command socket is there, and this user may not use it",
		"be root (sudo), as the socket is root's" },
	[SWANCTL_NOT_RUNNING] = { "daemon-not-running",
		"no daemon answers, and nobody has the UDP ports of IKE: it was not started, or "
		"has "
		"ended",
		"systemctl start charon-lite; journalctl -u charon-lite says why it ended" },
};

const char *swanctl_absence_name(enum swanctl_absence absence)
{
	return absences[absence].name;
}

const char *swanctl_absence_meaning(enum swanctl_absence absence)
{
	return absences[absence].meaning;
}

const char *swanctl_absence_cure(enum swanctl_absence absence)
{
	return absences[absence].cure;
}

/* Of each line the second field is "ADDRESS:PORT" in hexadecimal, the tenth the inode. */
unsigned long swanctl_udp_inode(const char *text, uint16_t port)
{
	unsigned found;
	unsigned long inode;

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (sscanf(text, " %*d: %*[0-9A-Fa-f]:%X %*s %*s %*s %*s %*s %*d %*d %lu", &found,
			    &inode) == 2 &&
			found == port)
			return inode;
		if (!*text)
			break;
	}
	return 0;
}

static unsigned long inode_of(const char *path, uint16_t port)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	unsigned long inode = 0;

	if (!file)
		return 0;
	if (getdelim(&text, &size, '\0', file) > 0)
		inode = swanctl_udp_inode(text, port);
	free(text);
	fclose(file);
	return inode;
}

/* One of the process's descriptors is that socket. */
static bool process_has(const char *pid, const char *socket)
{
	char path[300], target[64];
	DIR *directory;
	bool has = false;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	if (!(directory = opendir(path)))
		return false;
	for (const struct dirent *one; !has && (one = readdir(directory));) {
		ssize_t length =
			readlinkat(dirfd(directory), one->d_name, target, sizeof(target) - 1);

		if (length < 0)
			continue;
		target[length] = '\0';
		has = strcmp(target, socket) == 0;
	}
	closedir(directory);
	return has;
}

static void program_of(const char *pid, char *ret, size_t room)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	if (!(file = fopen(path, "re")))
		return;
	if (fgets(ret, (int)room, file))
		ret[strcspn(ret, "\n")] = '\0';
	fclose(file);
}

static void find_process(unsigned long inode, struct swanctl_holder *ret)
{
	DIR *all = opendir("/proc");
	char socket[64];

	if (!all)
		return;
	snprintf(socket, sizeof(socket), "socket:[%lu]", inode);
	for (const struct dirent *one; ret->pid == 0 && (one = readdir(all));) {
		if (!isdigit((unsigned char)one->d_name[0]) || !process_has(one->d_name, socket))
			continue;
		ret->pid = atoi(one->d_name);
		program_of(one->d_name, ret->program, sizeof(ret->program));
	}
	closedir(all);
}

/* The kernel loads it, if it can, for whoever asks. */
static bool lacks_xfrm(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);
	bool lacks = fd < 0 && errno == EPROTONOSUPPORT;

	if (fd >= 0)
		close(fd);
	return lacks;
}

void swanctl_holder_find(const uint16_t ports[2], struct swanctl_holder *ret)
{
	static const char *const tables[] = { "/proc/net/udp", "/proc/net/udp6" };

	*ret = (struct swanctl_holder){ .no_xfrm = lacks_xfrm() };
	for (unsigned i = 0; i < 4 && ret->port == 0; i++) {
		unsigned long inode = inode_of(tables[i % 2], ports[i / 2]);

		if (inode == 0)
			continue;
		ret->port = ports[i / 2];
		find_process(inode, ret);
	}
}

enum swanctl_absence swanctl_absence_judge(const struct swanctl_holder *holder, int error)
{
	if (error == EACCES || error == EPERM)
		return SWANCTL_NOT_PERMITTED;
	if (holder->port == 0)
		return holder->no_xfrm ? SWANCTL_NO_XFRM : SWANCTL_NOT_RUNNING;
	return strcmp(holder->program, OUR_NAME) == 0 ? SWANCTL_SOCKET_ABSENT : SWANCTL_PORT_TAKEN;
}
