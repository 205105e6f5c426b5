// SPDX-License-Identifier: MIT
#include "contended.h"

#include <sched.h>

#include "backend.h"
#include "clock.h"
#include "cpus.h"
#include "crew.h"
#include "die.h"
#include "figure.h"
#include "handle.h"

#define BACKENDS	8	/* of one operation, at the most */
#define READS		1000	/* between two looks at whether it is over */
#define STAY_NS		200000	/* longer than it pays to spin */

/* What the crew is about to do, for it to inherit. */
static const struct backend *current;

static void take(void)
{
	if (current->lock())
		die("%s: lock failed", current->name);
}

static void give(void)
{
	if (current->unlock())
		die("%s: unlock failed", current->name);
}

/* Inside: adds to what only the lock guards. */
static void enter_once(unsigned int n, void (*stay)(unsigned int n))
{
	take();
	board->counter++;
	board->member[n].handed += board->last != n;
	board->last = n;
	if (stay)
		stay(n);
	give();
	board->member[n].done++;
}

/* As one with work to do. Does not count. */
static void stay_busy(unsigned int n)
{
	double begin = now();

	while (now() - begin < STAY_NS)
		;
	board->member[n].inside += now() - begin;
}

/* On one CPU: all others run until they sleep. */
static void stay_idle(unsigned int n)
{
	(void)n;
	sched_yield();
}

/* Whoever gets it, gets it: a process may well come twice in a row. */
static void contend(unsigned int n)
{
	take();
	give();
	crew_ready();
	while (!crew_stopped())
		enter_once(n, NULL);
}

/* First in, first out, for sched_yield() to mean what it says. */
static void set_priority(int priority)
{
	struct sched_param param = { .sched_priority = priority };

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		die("sched_setscheduler failed");
}

/* Never twice in a row: each waits until another has been inside. */
static void alternate(unsigned int n, void (*stay)(unsigned int n))
{
	set_priority(1);
	take();
	give();
	crew_ready();
	while (!crew_stopped()) {
		enter_once(n, stay);
		while (board->last == n && !crew_stopped())
			sched_yield();
	}
}

static void hand_over(unsigned int n)
{
	alternate(n, NULL);
}

static void work_and_hand_over(unsigned int n)
{
	alternate(n, stay_busy);
}

static void hand_to_sleeper(unsigned int n)
{
	alternate(n, stay_idle);
}

static void read_often(unsigned int n)
{
	double begin;

	take();
	give();
	crew_ready();
	begin = cpu_time();
	while (!crew_stopped()) {
		current->loop(READS);
		board->member[n].done += READS;
	}
	board->member[n].cpu = cpu_time() - begin;
}

/* What the processes do, how it is called, and what it is measured on. */
struct contest {
	const char *name;
	enum operation operation;
	void (*work)(unsigned int n);
	const char *unit;
	unsigned int rounds, ms;
};

static const struct contest handing_over = {
	"exclusive, handed over, %u processes",
	EXCLUSIVE, hand_over, "ns", 15, 150
};
static const struct contest working = {
	"exclusive, handed over after 200 us inside, %u processes",
	EXCLUSIVE, work_and_hand_over, "ns", 15, 150
};
static const struct contest contention = {
	"exclusive, whoever comes first, %u processes",
	EXCLUSIVE, contend, "ns", 15, 150
};
static const struct contest reading = {
	"shared lock+unlock, number of processes: %u",
	SHARED, read_often, "ns", 15, 150
};
/* Where a nanosecond is an instruction, and figures repeat. */
static const struct contest handing_over_on_one_cpu = {
	"exclusive, handed over to a sleeper, %u processes",
	EXCLUSIVE, hand_to_sleeper, "instructions", 5, 20
};
static const struct contest contention_on_one_cpu = {
	"exclusive, whoever comes first, %u processes",
	EXCLUSIVE, contend, "instructions", 3, 200
};

/*
 * Nanoseconds for each entry: of time that nobody spent inside where only one
 * can be, else of CPU time.
 */
static double run_once(const struct contest *contest, unsigned int processes,
		       uint64_t *done, uint64_t *handed)
{
	bool exclusive = contest->operation == EXCLUSIVE;
	double elapsed, inside = 0, cpu = 0;
	unsigned int n;

	backends_open();
	crew_start(processes, contest->work, true);
	elapsed = crew_run(contest->ms);
	*done = crew_end();
	if (exclusive && board->counter != *done)
		die("%s: %llu entries, but %llu counted: it does not exclude",
		    current->name, (unsigned long long)*done,
		    (unsigned long long)board->counter);
	for (n = 0, *handed = 0; n < processes; n++) {
		*handed += board->member[n].handed;
		inside += board->member[n].inside;
		cpu += board->member[n].cpu;
	}
	crew_free();
	backends_close();
	return (exclusive ? elapsed - inside : cpu) / (double)*done;
}

static bool takes_part(const struct contest *contest,
		       const struct backend *backend)
{
	if (backend->operation != contest->operation || backend->role == STATIC)
		return false;
	/* Mutexes are in the table of the shared lock for what they cost alone. */
	return contest->operation == EXCLUSIVE || backend->is_shared;
}

static void run(const struct contest *contest, unsigned int processes)
{
	static struct figure figures[BACKENDS];
	uint64_t done[BACKENDS] = { 0 }, handed[BACKENDS] = { 0 };
	char name[64], note[64];
	unsigned int round, n;

	memset(figures, 0, sizeof(figures));
	for (round = 0; round < contest->rounds; round++) {
		for (current = backends, n = 0; current->name; current++) {
			uint64_t entries, changes;

			if (!takes_part(contest, current))
				continue;
			figure_add(&figures[n], run_once(contest, processes,
							 &entries, &changes));
			done[n] += entries;
			handed[n++] += changes;
		}
	}
	snprintf(name, sizeof(name), contest->name, processes);
	for (current = backends, n = 0; current->name; current++) {
		if (!takes_part(contest, current))
			continue;
		note[0] = 0;
		if (contest->work == contend)
			snprintf(note, sizeof(note), "%.1f %% handed over",
				 100.0 * (double)handed[n] / (double)done[n]);
		figure_print(&figures[n++], current->role, current->name, name,
			     contest->unit, note);
	}
}

void measure_contention(void)
{
	if (!handle_is_real())
		die("contention needs the module: who waits sleeps in the kernel");
	run(&contention, 2);
	run(&contention, 8);
	set_priority(2);
	run(&handing_over, 2);
	run(&handing_over, 8);
	run(&working, 2);
	run(&working, 8);
}

void measure_switches(void)
{
	if (!handle_is_real() || cpus() != 1)
		die("this mode is for a guest with the module and one CPU");
	run(&contention_on_one_cpu, 2);
	run(&contention_on_one_cpu, 8);
	set_priority(2);
	run(&handing_over_on_one_cpu, 2);
	run(&handing_over_on_one_cpu, 8);
}

void measure_readers(void)
{
	unsigned int processes, most = handle_is_real() ? 8 : 2 * cpus();

	for (processes = 1; processes <= most; processes *= 2)
		run(&reading, processes);
}
