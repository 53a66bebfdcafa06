/*
 * sim: runs a scenario from seeds, in several processes, and says which seed failed.
 *
 * Each process tells in shared memory which seed it is at, so that a crash has a seed too. It
 * starts anew after a crash, from the next seed.
 */
#include "testing/sim/scenario.h"

#include <getopt.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64

struct job {
	uint64_t next; /* the seed it is at, or will start at */
	bool running;  /* inside a run */
	uint64_t passed, failed;
	struct scenario_counts counts;
};

struct kind {
	const char *name;
	uint64_t (*run)(struct sim_world *w, uint64_t seed, const struct scenario_options *options,
		struct scenario_counts *counts);
	uint64_t seeds; /* when none are given; 0: as many as there are cases */
};

static const struct kind kinds[] = {
	{ "peers", scenario_run, 200 },
	{ "tunnels", tunnels_run, 200 },
	{ "mixed", tunnels_mixed_run, 200 },
	{ "both-start", both_start_run, 200 },
	{ "orders", orders_run, 0 },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct options {
	const struct kind *kind;
	uint64_t from, to;
	unsigned jobs;
	struct scenario_options scenario;
	bool replay_check;
};

/* One seed; true when nothing was wrong. */
static bool run_seed(
	struct sim_world *w, const struct options *o, uint64_t seed, struct scenario_counts *counts)
{
	uint64_t hash = o->kind->run(w, seed, &o->scenario, counts);
	bool passed = w->complaints == 0;

	if (!passed)
		printf("seed %llu failed (%u complaints): %s\n", (unsigned long long)seed,
			w->complaints, w->complaint);
	if (o->replay_check) {
		struct scenario_counts again = { 0 };
		struct scenario_options quiet = { .order = o->scenario.order };

		if (o->kind->run(w, seed, &quiet, &again) != hash) {
			printf("seed %llu failed: it does not replay\n", (unsigned long long)seed);
			passed = false;
		}
	}
	if (o->scenario.verbose)
		printf("trace %016llx\n", (unsigned long long)hash);
	fflush(stdout);
	return passed;
}

static void run_job(const struct options *o, struct job *job)
{
	struct sim_world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	while (job->next <= o->to) {
		job->running = true;
		if (run_seed(w, o, job->next, &job->counts))
			job->passed++;
		else
			job->failed++;
		job->running = false;
		job->next += o->jobs;
	}
	sim_world_free(w);
	free(w);
}

static pid_t start(const struct options *o, struct job *job)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		run_job(o, job);
		exit(0);
	}
	if (pid < 0)
		abort();
	return pid;
}

/* A process ended otherwise than by itself: the seed it was at failed. Returns whether there is
 * more for it to do. */
static bool after_crash(const struct options *o, struct job *job, int status)
{
	if (!job->running) {
		printf("a process failed after its last seed (status %d): a leak?\n", status);
		job->failed++;
		return false;
	}
	printf("seed %llu failed: the process ended (%s %d)\n", (unsigned long long)job->next,
		WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	job->failed++;
	job->running = false;
	job->next += o->jobs;
	return job->next <= o->to;
}

static void run_all(const struct options *o, struct job *jobs)
{
	pid_t pids[JOBS_MAX];
	unsigned left = o->jobs;

	for (unsigned i = 0; i < o->jobs; i++) {
		jobs[i].next = o->from + i;
		pids[i] = start(o, &jobs[i]);
	}
	while (left > 0) {
		int status;
		pid_t pid = wait(&status);

		for (unsigned i = 0; i < o->jobs; i++) {
			if (pids[i] != pid)
				continue;
			pids[i] = 0;
			left--;
			if (status != 0 && after_crash(o, &jobs[i], status)) {
				pids[i] = start(o, &jobs[i]);
				left++;
			}
		}
	}
}

static void add(struct scenario_counts *sum, const struct scenario_counts *c)
{
	sum->ike_sas += c->ike_sas;
	sum->children += c->children;
	sum->ike_rekeyings += c->ike_rekeyings;
	sum->child_rekeyings += c->child_rekeyings;
	sum->commands_done += c->commands_done;
	sum->commands_failed += c->commands_failed;
	sum->datagrams += c->datagrams;
	sum->harmed += c->harmed;
	sum->crashes += c->crashes;
	sum->one_sided += c->one_sided;
	sum->moves += c->moves;
	sum->packets += c->packets;
	sum->arrived += c->arrived;
	sum->wanted += c->wanted;
	sum->hours += c->hours;
	sum->orders += c->orders;
	if (c->longest > sum->longest)
		sum->longest = c->longest;
}

static void tell(const char *what, uint64_t count)
{
	if (count)
		printf(", %llu %s", (unsigned long long)count, what);
}

static int summary(const struct options *o, const struct job *jobs)
{
	struct job sum = { 0 };
	const struct scenario_counts *c = &sum.counts;

	for (unsigned i = 0; i < o->jobs; i++) {
		sum.passed += jobs[i].passed;
		sum.failed += jobs[i].failed;
		add(&sum.counts, &jobs[i].counts);
	}
	printf("%s, seeds %llu to %llu", o->kind->name, (unsigned long long)o->from,
		(unsigned long long)o->to);
	tell("hours of virtual time", c->hours);
	tell("orders of delivery", c->orders);
	tell("IKE SAs up (both ends counted)", c->ike_sas);
	tell("children up", c->children);
	tell("IKE SAs rekeyed", c->ike_rekeyings);
	tell("children rekeyed", c->child_rekeyings);
	tell("commands done", c->commands_done);
	tell("commands failed", c->commands_failed);
	tell("datagrams", c->datagrams);
	tell("of them harmed", c->harmed);
	tell("crashes", c->crashes);
	tell("addresses moved", c->moves);
	tell("packets", c->packets);
	tell("of them arrived", c->arrived);
	tell("one-sided SAs deleted", c->one_sided);
	tell("children wanted", c->wanted);
	tell("seconds at most until all of them were up", c->longest);
	printf("\n%llu passed, %llu failed\n", (unsigned long long)sum.passed,
		(unsigned long long)sum.failed);
	return sum.failed ? 1 : 0;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: sim [--scenario NAME] [--seeds FROM-TO | --seed N] [--verbose] "
		"[--replay-check] [--jobs N] [--order LIST]\n"
		"  --scenario NAME  peers (default), tunnels, mixed, both-start, orders\n"
		"  --seeds FROM-TO  runs these seeds (1-200; orders: all)\n"
		"  --seed N         runs one\n"
		"  --verbose        prints everything that happens\n"
		"  --replay-check   runs each seed twice and compares the traces bit for bit\n"
		"  --jobs N         processes (1)\n"
		"  --order LIST     of scenario orders: one order of a seed, as a failure names "
		"it\n");
	return 2;
}

static bool parse_seeds(struct options *o, const char *text)
{
	char *end;

	o->from = o->to = strtoull(text, &end, 10);
	if (*end == '-')
		o->to = strtoull(end + 1, &end, 10);
	return *end == '\0' && end != text && o->to >= o->from;
}

static bool parse_kind(struct options *o, const char *name)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i].name, name) == 0) {
			o->kind = &kinds[i];
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "scenario", required_argument, NULL, 'k' },
		{ "order", required_argument, NULL, 'o' },
		{ "seeds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "replay-check", no_argument, NULL, 'r' },
		{ "jobs", required_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .kind = kinds, .from = 1, .jobs = 1 };
	struct job *jobs;
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 's' && parse_seeds(&o, optarg))
			continue;
		if (c == 'k' && parse_kind(&o, optarg))
			continue;
		if (c == 'o')
			o.scenario.order = optarg;
		else if (c == 'v')
			o.scenario.verbose = 1;
		else if (c == 'r')
			o.replay_check = true;
		else if (c == 'j' && atoi(optarg) > 0 && atoi(optarg) <= JOBS_MAX)
			o.jobs = (unsigned)atoi(optarg);
		else
			return usage();
	}
	if (optind != argc)
		return usage();
	if (o.to == 0)
		o.to = o.kind->seeds ? o.kind->seeds : orders_count();
	jobs = mmap(NULL, sizeof(*jobs) * JOBS_MAX, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (jobs == MAP_FAILED)
		return 1;
	run_all(&o, jobs);
	return summary(&o, jobs);
}
