#include "charon-lite/privileges.h"

#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* So that nothing that is ever executed can get them back. Without CAP_SETPCAP there is nothing to
 * lose. */
static void drop_bounding_set(bool keep_net_admin)
{
	for (cap_value_t cap = 0; CAP_IS_SUPPORTED(cap); cap++) {
		if (!keep_net_admin || cap != CAP_NET_ADMIN)
			(void)cap_drop_bound(cap);
	}
}

static bool set_capabilities(bool keep_net_admin)
{
	static const cap_value_t kept[] = { CAP_NET_ADMIN };
	cap_t now = cap_get_proc();
	cap_t wanted = cap_init();
	cap_flag_value_t have = CAP_CLEAR;
	bool good = now && wanted && cap_get_flag(now, CAP_NET_ADMIN, CAP_PERMITTED, &have) == 0;

	if (good && keep_net_admin && have == CAP_SET)
		good = cap_set_flag(wanted, CAP_PERMITTED, 1, kept, CAP_SET) == 0 &&
		       cap_set_flag(wanted, CAP_EFFECTIVE, 1, kept, CAP_SET) == 0;
	good = good && cap_set_proc(wanted) == 0;
	cap_free(now);
	cap_free(wanted);
	return good;
}

bool cl_privileges_drop(bool keep_net_admin, struct why *why)
{
	const struct rlimit no_core = { 0, 0 };

	drop_bounding_set(keep_net_admin);
	if (!set_capabilities(keep_net_admin))
		return why_fail(why, "dropping capabilities failed: %s", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return why_fail(why, "setting no_new_privs failed: %s", strerror(errno));
	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		return why_fail(why, "forbidding core dumps failed: %s", strerror(errno));
	return true;
}
