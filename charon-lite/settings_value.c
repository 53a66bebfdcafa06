#include "charon-lite/settings_value.h"

#include "libvici/value.h"

bool cl_value_wrong(const struct settings_key *key, const char *wanted, struct why *why)
{
	return settings_fail(&key->place, why, "%s = %s is not %s", key->name, key->value, wanted);
}

bool cl_value_bool(const struct settings_key *key, bool *value, struct why *why)
{
	return !key || value_bool(bytes_of_text(key->value), value) ||
	       cl_value_wrong(key, "yes or no", why);
}

bool cl_value_number(const struct settings_key *key, uint32_t max, uint32_t *value, struct why *why)
{
	uint32_t number;

	if (!key)
		return true;
	if (!value_u32(bytes_of_text(key->value), &number) || number > max)
		return settings_fail(&key->place, why, "%s = %s is not a number from 0 to %u",
			key->name, key->value, max);
	*value = number;
	return true;
}

bool cl_value_factor(const struct settings_key *key, double *value, struct why *why)
{
	double factor;

	if (!key)
		return true;
	if (!value_double(bytes_of_text(key->value), &factor) || factor < 1 || factor > 10)
		return cl_value_wrong(key, "a factor from 1 to 10", why);
	*value = factor;
	return true;
}

bool cl_value_time(const struct settings_key *key, ike_time *value, struct why *why)
{
	uint64_t milliseconds;

	if (!key)
		return true;
	if (!value_milliseconds(bytes_of_text(key->value), &milliseconds) ||
		milliseconds > (uint64_t)IKE_SECONDS(86400 * 365))
		return cl_value_wrong(key, "a time of at most a year", why);
	*value = (ike_time)milliseconds;
	return true;
}
