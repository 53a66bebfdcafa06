/*
 * sim: runs scenarios from seeds, in several processes, and says which seed failed.
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

struct options {
	uint64_t from, to;
	unsigned jobs;
	int verbose;
	bool replay_check;
};

/* One seed; true when nothing was wrong. */
static bool run_seed(
	struct sim_world *w, const struct options *o, uint64_t seed, struct scenario_counts *counts)
{
	uint64_t hash = scenario_run(w, seed, o->verbose, counts);
	bool passed = w->complaints == 0;

	if (!passed)
		printf("seed %llu failed (%u complaints): %s\n", (unsigned long long)seed,
			w->complaints, w->complaint);
	if (o->replay_check) {
		struct scenario_counts again = { 0 };

		if (scenario_run(w, seed, 0, &again) != hash) {
			printf("seed %llu failed: it does not replay\n", (unsigned long long)seed);
			passed = false;
		}
	}
	if (o->verbose)
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

static int summary(const struct options *o, const struct job *jobs)
{
	struct job sum = { 0 };

	for (unsigned i = 0; i < o->jobs; i++) {
		const struct scenario_counts *c = &jobs[i].counts;

		sum.passed += jobs[i].passed;
		sum.failed += jobs[i].failed;
		sum.counts.ike_sas += c->ike_sas;
		sum.counts.children += c->children;
		sum.counts.commands_done += c->commands_done;
		sum.counts.commands_failed += c->commands_failed;
		sum.counts.datagrams += c->datagrams;
		sum.counts.harmed += c->harmed;
		sum.counts.crashes += c->crashes;
		sum.counts.one_sided += c->one_sided;
	}
	printf("seeds %llu to %llu: %llu IKE SAs and %llu children up (both ends counted), "
	       "commands %llu done and %llu failed, %llu datagrams of which %llu harmed, "
	       "%llu crashes, %llu one-sided SAs deleted\n",
		(unsigned long long)o->from, (unsigned long long)o->to,
		(unsigned long long)sum.counts.ike_sas, (unsigned long long)sum.counts.children,
		(unsigned long long)sum.counts.commands_done,
		(unsigned long long)sum.counts.commands_failed,
		(unsigned long long)sum.counts.datagrams, (unsigned long long)sum.counts.harmed,
		(unsigned long long)sum.counts.crashes, (unsigned long long)sum.counts.one_sided);
	printf("%llu passed, %llu failed\n", (unsigned long long)sum.passed,
		(unsigned long long)sum.failed);
	return sum.failed ? 1 : 0;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: sim [--seeds FROM-TO | --seed N] [--verbose] [--replay-check] "
		"[--jobs N]\n"
		"  --seeds FROM-TO  runs these seeds (1-200)\n"
		"  --seed N         runs one\n"
		"  --verbose        prints everything that happens\n"
		"  --replay-check   runs each seed twice and compares the traces bit for bit\n"
		"  --jobs N         processes (1)\n");
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

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "seeds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "replay-check", no_argument, NULL, 'r' },
		{ "jobs", required_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .from = 1, .to = 200, .jobs = 1 };
	struct job *jobs;
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 's' && parse_seeds(&o, optarg))
			continue;
		if (c == 'v')
			o.verbose = 1;
		else if (c == 'r')
			o.replay_check = true;
		else if (c == 'j' && atoi(optarg) > 0 && atoi(optarg) <= JOBS_MAX)
			o.jobs = (unsigned)atoi(optarg);
		else
			return usage();
	}
	if (optind != argc)
		return usage();
	jobs = mmap(NULL, sizeof(*jobs) * JOBS_MAX, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (jobs == MAP_FAILED)
		return 1;
	run_all(&o, jobs);
	return summary(&o, jobs);
}
