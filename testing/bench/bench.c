/*
 * bench: what a set-up costs, each side on its own, beside what OpenSSL alone charges in the same
 * run; what an SA holds in memory; how both change when many are up. Medians: the machine may be
 * busy with something else. Compare ratios, not absolute figures across machines.
 */
#include "testing/bench/floor.h"
#include "testing/bench/pair.h"

#include <stdio.h>
#include <stdlib.h>

#define RATIO_GOAL 2.0
#define MEMORY_GOAL 4096

struct options {
	bool json;
	uint32_t set_ups; /* measured for each suite */
	uint32_t many;    /* SAs up */
};

struct suite {
	const char *name;
	const char *proposal;
	enum floor_group group;
	const char *key; /* NULL: a PSK */
	uint8_t version; /* 0: 2 */
};

struct result {
	double floor, side[BENCH_SIDES]; /* microseconds */
};

static const struct suite suites[] = {
	{ "PSK X25519 AES-GCM", "aes128gcm16-prfsha256-x25519", FLOOR_X25519, NULL },
	{ "PSK ECP-256 AES-GCM", "aes128gcm16-prfsha256-ecp256", FLOOR_ECP_256, NULL },
	{ "PSK MODP-2048 AES-GCM", "aes128gcm16-prfsha256-modp2048", FLOOR_MODP_2048, NULL },
	{ "PSK X25519 + ML-KEM-768", "aes128gcm16-prfsha256-x25519-ke1_mlkem768",
		FLOOR_X25519_ML_KEM, NULL },
	{ "RSA-2048 X25519", "aes128gcm16-prfsha256-x25519", FLOOR_X25519, "rsa2048" },
	{ "ECDSA P-256 X25519", "aes128gcm16-prfsha256-x25519", FLOOR_X25519, "p256" },
	{ "Ed25519 X25519", "aes128gcm16-prfsha256-x25519", FLOOR_X25519, "ed25519" },
	{ "IKEv1 PSK ECP-256", "aes256-sha1-ecp256", FLOOR_ECP_256, NULL, 1 },
	{ "IKEv1 PSK MODP-2048", "aes256-sha1-modp2048", FLOOR_MODP_2048, NULL, 1 },
};
#define SUITES (sizeof(suites) / sizeof(suites[0]))

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* In microseconds; sorts. */
static double median(uint64_t *samples, uint32_t count)
{
	qsort(samples, count, sizeof(*samples), by_value);
	return (double)samples[count / 2] / 1000;
}

static uint64_t *samples_new(uint32_t count)
{
	uint64_t *samples = calloc(count, sizeof(*samples));

	if (!samples)
		exit(1);
	return samples;
}

/* Set-ups of peers first, first + 1, ... each torn down again. */
static void measure_set_ups(
	struct bench_pair *p, uint32_t first, uint32_t peers, uint32_t count, struct result *ret)
{
	uint64_t *samples[BENCH_SIDES] = { samples_new(count), samples_new(count) };

	for (uint32_t i = 0; i < count; i++) {
		uint64_t nanoseconds[BENCH_SIDES];

		bench_pair_set_up(p, first + i % peers, nanoseconds);
		for (size_t side = 0; side < BENCH_SIDES; side++)
			samples[side][i] = nanoseconds[side];
		bench_pair_tear_down(p, first + i % peers, nanoseconds);
	}
	for (size_t side = 0; side < BENCH_SIDES; side++) {
		ret->side[side] = median(samples[side], count);
		free(samples[side]);
	}
}

static void measure_suite(const struct suite *suite, uint32_t count, struct result *ret)
{
	uint8_t version = suite->version ? suite->version : 2;
	struct bench_pair *p = bench_pair_new(version, suite->proposal, suite->key);
	struct floor *f = floor_new(version, suite->group, suite->key);
	uint64_t *samples = samples_new(count);
	struct result warm;
	uint32_t peer = bench_pair_add_peer(p);

	measure_set_ups(p, peer, 1, count / 10 + 1, &warm);
	for (uint32_t i = 0; i < count / 10 + 1; i++)
		floor_run(f);
	measure_set_ups(p, peer, 1, count, ret);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t before = bench_cpu_time();

		floor_run(f);
		samples[i] = bench_cpu_time() - before;
	}
	ret->floor = median(samples, count);
	free(samples);
	floor_free(f);
	bench_pair_free(p);
}

static const char *const many_proposals[] = { NULL, "aes256-sha1-ecp256",
	"aes128gcm16-prfsha256-x25519" };

struct many {
	double memory[BENCH_SIDES]; /* octets an SA with one child */
	struct result empty, full;
	double deletion[BENCH_SIDES]; /* microseconds an informational exchange */
};

static void measure_deletion(struct bench_pair *p, uint32_t count, double ret[BENCH_SIDES])
{
	uint64_t *samples[BENCH_SIDES] = { samples_new(count), samples_new(count) };

	for (uint32_t i = 0; i < count; i++) {
		uint64_t nanoseconds[BENCH_SIDES];

		bench_pair_tear_down(p, i, nanoseconds);
		for (size_t side = 0; side < BENCH_SIDES; side++)
			samples[side][i] = nanoseconds[side];
	}
	for (size_t side = 0; side < BENCH_SIDES; side++) {
		ret[side] = median(samples[side], count);
		free(samples[side]);
	}
}

static void measure_many(const struct options *o, uint8_t version, struct many *ret)
{
	struct bench_pair *p = bench_pair_new(version, many_proposals[version], NULL);
	uint32_t extra = 50;
	uint64_t nanoseconds[BENCH_SIDES];

	for (uint32_t i = 0; i < o->many + extra; i++)
		(void)bench_pair_add_peer(p);
	measure_set_ups(p, o->many, extra, o->set_ups / 2 + 1, &ret->empty);
	bench_pair_count_memory(p, true);
	for (uint32_t i = 0; i < o->many; i++)
		bench_pair_set_up(p, i, nanoseconds);
	bench_pair_count_memory(p, false);
	for (size_t side = 0; side < BENCH_SIDES; side++)
		ret->memory[side] = (double)bench_pair_memory(p, (enum bench_side)side) / o->many;
	measure_set_ups(p, o->many, extra, o->set_ups / 2 + 1, &ret->full);
	measure_deletion(p, o->many, ret->deletion);
	bench_pair_free(p);
}

static const char *verdict(bool met)
{
	return met ? "met" : "missed";
}

static void print_many(const struct options *o, uint8_t version, const struct many *m)
{
	printf("\nWith %u IKE SAs up (IKEv%u, PSK, %s)\n", o->many, version,
		many_proposals[version]);
	printf("%-40s %10s %10s\n", "", "initiator", "responder");
	printf("%-40s %10.0f %10.0f   goal <= %d: %s\n", "octets of heap per IKE SA with one child",
		m->memory[0], m->memory[1], MEMORY_GOAL,
		verdict(m->memory[0] <= MEMORY_GOAL && m->memory[1] <= MEMORY_GOAL));
	printf("%-40s %10.1f %10.1f\n", "set-up with none other up, us", m->empty.side[0],
		m->empty.side[1]);
	printf("%-40s %10.1f %10.1f\n", "set-up with these up, us", m->full.side[0],
		m->full.side[1]);
	printf("%-40s %10.2f %10.2f\n", "ratio", m->full.side[0] / m->empty.side[0],
		m->full.side[1] / m->empty.side[1]);
	printf("%-40s %10.1f %10.1f\n", "deletion, one informational exchange, us", m->deletion[0],
		m->deletion[1]);
}

static void print_table(const struct options *o, const struct result *results)
{
	printf("CPU time of one set-up (IKE_SA_INIT, IKE_AUTH; Main Mode, Quick Mode; one child), "
	       "microseconds, medians of %u\n",
		o->set_ups);
	printf("%-24s %10s %10s %10s %8s %8s   goal <= %.1f\n", "", "initiator", "responder",
		"OpenSSL", "ratio i", "ratio r", RATIO_GOAL);
	for (size_t i = 0; i < SUITES; i++) {
		const struct result *r = &results[i];

		if (r->floor == 0) {
			printf("%-24s needs OpenSSL 3.5\n", suites[i].name);
			continue;
		}
		double a = r->side[BENCH_INITIATOR] / r->floor;
		double b = r->side[BENCH_RESPONDER] / r->floor;

		printf("%-24s %10.1f %10.1f %10.1f %8.2f %8.2f   %s\n", suites[i].name,
			r->side[BENCH_INITIATOR], r->side[BENCH_RESPONDER], r->floor, a, b,
			verdict(a <= RATIO_GOAL && b <= RATIO_GOAL));
	}
}

static void print_json_many(const struct options *o, uint8_t version, const struct many *m)
{
	const char *suffix = version == 1 ? "_ikev1" : "";

	printf(",\n  \"octets_per_sa%s\": {\"initiator\": %.0f, \"responder\": %.0f, \"goal\": "
	       "%d},\n",
		suffix, m->memory[0], m->memory[1], MEMORY_GOAL);
	printf("  \"with_many%s\": {\"ike_sas\": %u, \"initiator\": %.1f, \"responder\": %.1f, "
	       "\"initiator_alone\": %.1f, \"responder_alone\": %.1f},\n",
		suffix, o->many, m->full.side[0], m->full.side[1], m->empty.side[0],
		m->empty.side[1]);
	printf("  \"deletion_us%s\": {\"initiator\": %.1f, \"responder\": %.1f}", suffix,
		m->deletion[0], m->deletion[1]);
}

static void print_json(const struct options *o, const struct result *results, const struct many *m)
{
	printf("{\n  \"set_up_us\": [\n");
	for (size_t i = 0; i < SUITES; i++) {
		const struct result *r = &results[i];

		if (r->floor == 0)
			continue;
		printf("    {\"suite\": \"%s\", \"initiator\": %.1f, \"responder\": %.1f, "
		       "\"openssl\": %.1f, \"initiator_ratio\": %.3f, \"responder_ratio\": "
		       "%.3f}%s\n",
			suites[i].name, r->side[0], r->side[1], r->floor, r->side[0] / r->floor,
			r->side[1] / r->floor, i + 1 < SUITES ? "," : "");
	}
	printf("  ],\n  \"goal_ratio\": %.1f", RATIO_GOAL);
	for (uint8_t version = 2; version >= 1; version--)
		print_json_many(o, version, &m[version]);
	printf("\n}\n");
}

int main(int argc, char **argv)
{
	struct options o = { .set_ups = 2000, .many = 10000 };
	struct result results[SUITES] = { 0 }; /* floor 0: not to be had here; the last is */
	struct many many[3] = { 0 };           /* by version */

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			o.json = true;
		} else if (strcmp(argv[i], "--quick") == 0) {
			o.set_ups = 300;
			o.many = 2000;
		} else {
			fprintf(stderr, "usage: bench [--json] [--quick]\n");
			return 2;
		}
	}
	for (size_t i = 0; i < SUITES; i++)
		if (floor_has(suites[i].group))
			measure_suite(&suites[i], o.set_ups, &results[i]);
	for (uint8_t version = 1; version <= 2; version++)
		measure_many(&o, version, &many[version]);
	if (o.json) {
		print_json(&o, results, many);
	} else {
		print_table(&o, results);
		print_many(&o, 2, &many[2]);
		print_many(&o, 1, &many[1]);
	}
	return 0;
}
