#include "charon-lite/privileges.h"

#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* The daemon acts with the first alone. Its updown scripts get both: `ip` and `nft` need the first,
 * iptables the second as well. */
static const cap_value_t kept[] = { CAP_NET_ADMIN, CAP_NET_RAW };

#define KEPT ((int)(sizeof(kept) / sizeof(*kept)))

/* So that nothing that is ever executed can get them back. Without CAP_SETPCAP there is nothing to
 * lose. */
static void drop_bounding_set(bool keep)
{
	for (cap_value_t cap = 0; CAP_IS_SUPPORTED(cap); cap++) {
		if (!keep || (cap != kept[0] && cap != kept[1]))
			(void)cap_drop_bound(cap);
	}
}

/* Of those that the process has. Inheritable and ambient, so that scripts have them whoever the
 * daemon runs as. */
static bool keep_some(cap_t now, cap_t wanted)
{
	for (int i = 0; i < KEPT; i++) {
		cap_flag_value_t have = CAP_CLEAR;

		if (cap_get_flag(now, kept[i], CAP_PERMITTED, &have) < 0)
			return false;
		if (have != CAP_SET)
			continue;
		if (cap_set_flag(wanted, CAP_PERMITTED, 1, &kept[i], CAP_SET) < 0 ||
			cap_set_flag(wanted, CAP_INHERITABLE, 1, &kept[i], CAP_SET) < 0 ||
			(i == 0 && cap_set_flag(wanted, CAP_EFFECTIVE, 1, &kept[i], CAP_SET) < 0))
			return false;
	}
	return true;
}

static bool set_capabilities(bool keep)
{
	cap_t now = cap_get_proc();
	cap_t wanted = cap_init();
	bool good = now && wanted && (!keep || keep_some(now, wanted)) && cap_set_proc(wanted) == 0;

	/* what the process does not have cannot be raised: no error */
	for (int i = 0; good && keep && i < KEPT; i++)
		(void)cap_set_ambient(kept[i], CAP_SET);
	cap_free(now);
	cap_free(wanted);
	return good;
}

bool cl_privileges_raw(bool on)
{
	static const cap_value_t raw[] = { CAP_NET_RAW };
	cap_t now = cap_get_proc();
	bool good = now &&
		    cap_set_flag(now, CAP_EFFECTIVE, 1, raw, on ? CAP_SET : CAP_CLEAR) == 0 &&
		    cap_set_proc(now) == 0;

	cap_free(now);
	return good;
}

bool cl_privileges_drop(bool keep, struct why *why)
{
	const struct rlimit no_core = { 0, 0 };

	drop_bounding_set(keep);
	if (!set_capabilities(keep))
		return why_fail(why, "dropping capabilities failed: %s", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return why_fail(why, "setting no_new_privs failed: %s", strerror(errno));
	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		return why_fail(why, "forbidding core dumps failed: %s", strerror(errno));
	return true;
}
