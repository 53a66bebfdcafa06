#include "charon-lite/explain/drops.h"

#include "charon-lite/explain/proc.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* netstat has lines of some thousand octets. */
#define TEXT_MAX 16384
#define SAMPLES_MAX 32
#define NOTE_AFTER IKE_SECONDS(1)

struct sample {
	ike_time at;
	struct cl_drops ipv4, ipv6;
};

struct cl_drops_history {
	struct sample samples[SAMPLES_MAX]; /* the oldest first */
	size_t count;
};

/* ---- Reading ---- */

/* The line that begins with the group's name, at or after text; NULL: none. */
static const char *line_of(const char *text, const char *group)
{
	size_t length = strlen(group);

	while (text && !(strncmp(text, group, length) == 0 && text[length] == ':'))
		text = (text = strchr(text, '\n')) ? text + 1 : NULL;
	return text ? text + length + 1 : NULL;
}

uint64_t cl_drops_counter(const char *text, const char *group, const char *name)
{
	const char *names = line_of(text, group);
	const char *numbers = names ? line_of(names, group) : NULL;
	size_t length = strlen(name);

	if (!numbers)
		return 0;
	while (*names == ' ' && *numbers == ' ') {
		names++;
		numbers++;
		if (strncmp(names, name, length) == 0 && strchr(" \n", names[length]))
			return strtoull(numbers, NULL, 10);
		names += strcspn(names, " \n");
		numbers += strcspn(numbers, " \n");
	}
	return 0;
}

/* snmp6 has a name and a number in each line. */
static uint64_t counter_of_line(const char *text, const char *name)
{
	size_t length = strlen(name);

	while (text && !(strncmp(text, name, length) == 0 && strchr(" \t", text[length])))
		text = (text = strchr(text, '\n')) ? text + 1 : NULL;
	return text ? strtoull(text + length, NULL, 10) : 0;
}

static bool read_ipv4(char *text, struct cl_drops *ret)
{
	if (!cl_proc_read("/proc/net/snmp", text, TEXT_MAX))
		return false;
	ret->too_large = cl_drops_counter(text, "Ip", "FragFails");
	ret->unreassembled = cl_drops_counter(text, "Ip", "ReasmFails");
	if (!cl_proc_read("/proc/net/netstat", text, TEXT_MAX))
		return false;
	ret->filtered = cl_drops_counter(text, "TcpExt", "IPReversePathFilter");
	return true;
}

static bool read_ipv6(char *text, struct cl_drops *ret)
{
	if (!cl_proc_read("/proc/net/snmp6", text, TEXT_MAX))
		return false;
	ret->too_large = counter_of_line(text, "Ip6FragFails");
	ret->unreassembled = counter_of_line(text, "Ip6ReasmFails");
	return true;
}

bool cl_drops_read(uint16_t family, struct cl_drops *ret)
{
	char *text = malloc(TEXT_MAX);
	bool got;

	*ret = (struct cl_drops){ 0 };
	if (!text)
		return false;
	got = family == AF_INET6 ? read_ipv6(text, ret) : read_ipv4(text, ret);
	free(text);
	return got;
}

/* ---- What is kept ---- */

struct cl_drops_history *cl_drops_history_new(void)
{
	return calloc(1, sizeof(struct cl_drops_history));
}

void cl_drops_history_free(struct cl_drops_history *h)
{
	free(h);
}

/* Of a full history every second one goes: what is long ago is known less exactly. */
void cl_drops_keep(struct cl_drops_history *h, ike_time at, const struct cl_drops ipv4,
	const struct cl_drops ipv6)
{
	if (h->count == SAMPLES_MAX) {
		h->count /= 2;
		for (size_t i = 1; i < h->count; i++)
			h->samples[i] = h->samples[2 * i];
	}
	h->samples[h->count++] = (struct sample){ at, ipv4, ipv6 };
}

void cl_drops_note(struct cl_drops_history *h, ike_time now)
{
	struct cl_drops ipv4, ipv6;

	if (!h || (h->count > 0 && now - h->samples[h->count - 1].at < NOTE_AFTER) ||
		!cl_drops_read(AF_INET, &ipv4))
		return;
	if (!cl_drops_read(AF_INET6, &ipv6))
		ipv6 = (struct cl_drops){ 0 };
	cl_drops_keep(h, now, ipv4, ipv6);
}

bool cl_drops_before(
	const struct cl_drops_history *h, uint16_t family, ike_time time, struct cl_drops *ret)
{
	size_t i = h ? h->count : 0;

	if (i == 0)
		return false;
	do
		i--;
	while (i > 0 && h->samples[i].at > time);
	*ret = family == AF_INET6 ? h->samples[i].ipv6 : h->samples[i].ipv4;
	return true;
}
