#include "charon-lite/confinement.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

bool cl_confine_memory(struct why *why)
{
	const struct rlimit none = { 0, 0 }, all = { RLIM_INFINITY, RLIM_INFINITY };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/* With a limit, memory that is locked as it comes would be memory that one day does not
	 * come. */
	if (setrlimit(RLIMIT_MEMLOCK, &all) < 0)
		return why_fail(why, "raising the limit of locked memory: %s", strerror(errno));
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		return why_fail(why, "locking memory: %s", strerror(errno));
	return true;
}

void cl_confine_lifetime(void)
{
	const pid_t parent = getppid(); /* in a container it may be 1 */

	/* One that ended before has closed its end of what this process reads. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
}

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < count; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return error;
}

static bool confine(const int *more, size_t count, struct why *why)
{
	static const int allowed[] = {
		SCMP_SYS(read),
		SCMP_SYS(write),
		SCMP_SYS(exit),
		SCMP_SYS(exit_group),
		SCMP_SYS(brk),
		SCMP_SYS(munmap),
		SCMP_SYS(mremap),
		SCMP_SYS(madvise),
		SCMP_SYS(futex),
		SCMP_SYS(getrandom),
		SCMP_SYS(getpid),
		SCMP_SYS(clock_gettime),
		SCMP_SYS(clock_gettime64),
		SCMP_SYS(gettimeofday),
		SCMP_SYS(time),
		SCMP_SYS(rt_sigreturn),
		SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(restart_syscall),
	};
	const struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, (scmp_datum_t)PROT_EXEC, 0);
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error = filter ? 0 : -ENOMEM;

	if (error == 0)
		error = allow(filter, allowed, sizeof(allowed) / sizeof(*allowed));
	if (error == 0)
		error = allow(filter, more, count);
	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_code);
	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_code);
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error == 0 || why_fail(why, "seccomp: %s", strerror(-error));
}

bool cl_confine_calls(struct why *why)
{
	return confine(NULL, 0, why);
}

bool cl_confine_loop(struct why *why)
{
	static const int more[] = {
		SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2),
		SCMP_SYS(epoll_ctl), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(recv),
		SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(send), SCMP_SYS(sendto),
		SCMP_SYS(sendmsg), SCMP_SYS(shutdown), SCMP_SYS(close), SCMP_SYS(ioctl),
		SCMP_SYS(getsockopt), SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(rt_sigaction),
		SCMP_SYS(sigaltstack), /* AddressSanitizer, at the end */
	};

	return confine(more, sizeof(more) / sizeof(*more), why);
}
