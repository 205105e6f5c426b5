// SPDX-License-Identifier: MIT
#include "uncontended.h"

#include <float.h>

#include "backend.h"
#include "clock.h"
#include "cpus.h"
#include "crew.h"
#include "die.h"
#include "figure.h"
#include "handle.h"

#define BACKENDS 8	/* of one operation, at the most */

/* How one sample is taken. */
struct meter {
	const char *unit;
	unsigned int rounds;
	/* Of one run through the loop. */
	double (*sample)(void (*loop)(unsigned long n));
};

/* The least of some runs: that one which no interrupt hit. */
static double ticks_of(void (*loop)(unsigned long n), unsigned long n)
{
	double least = DBL_MAX;
	int run;

	for (run = 0; run < 4; run++) {
		double begin = ticks(), taken;

		loop(n);
		taken = ticks() - begin;
		if (taken < least)
			least = taken;
	}
	return least;
}

/* What a call of the loop costs beside its rounds is in both and cancels out. */
static double sample_ticks(void (*loop)(unsigned long n))
{
	const unsigned long n = 100;

	return (ticks_of(loop, 2 * n) - ticks_of(loop, n)) / n;
}

/* Of CPU time: what others run meanwhile does not count. */
static double sample_ns(void (*loop)(unsigned long n))
{
	const unsigned long n = 50000;
	double begin = cpu_time();

	loop(n);
	return (cpu_time() - begin) / n;
}

static const struct meter instructions = { "instructions", 25, sample_ticks };
static const struct meter nanoseconds = { "ns", 301, sample_ns };

static unsigned int select_backends(enum operation operation,
				    const struct backend **selected)
{
	const struct backend *backend;
	unsigned int n = 0;

	for (backend = backends; backend->name; backend++)
		if (backend->operation == operation)
			selected[n++] = backend;
	return n;
}

/* Round by round, each in turn, so that a disturbance hits all alike. */
static void measure(const struct meter *meter, enum operation operation,
		    const char *name)
{
	static struct figure figures[BACKENDS];
	const struct backend *selected[BACKENDS];
	unsigned int count = select_backends(operation, selected), round, n;
	char note[64];

	memset(figures, 0, sizeof(figures));
	for (n = 0; n < count; n++)
		meter->sample(selected[n]->loop);
	for (round = 0; round < meter->rounds; round++) {
		for (n = 0; n < count; n++) {
			double sample = meter->sample(selected[n]->loop);

			figure_add(&figures[n], sample - meter->sample(empty_loop));
		}
	}
	for (n = 0; n < count; n++) {
		note[0] = 0;
		if (meter == &instructions)
			snprintf(note, sizeof(note), "%u rounds alike",
				 figure_alike(&figures[n]));
		figure_print(&figures[n], selected[n]->role, selected[n]->name, name,
			     meter->unit, note);
	}
}

static const struct backend *ours(enum operation operation)
{
	const struct backend *backend = backends;

	while (backend->operation != operation || backend->role != OURS)
		backend++;
	return backend;
}

/* From its first shared lock on, an exclusive locker looks at its slot. */
static void register_reader(unsigned int n)
{
	(void)n;
	if (ours(SHARED)->lock() || ours(SHARED)->unlock())
		die("the shared lock failed");
	crew_ready();
	crew_sleep();
}

static void measure_registered(const struct meter *meter, unsigned int readers)
{
	char name[64];

	backends_open();
	crew_start(readers, register_reader, false);
	crew_run(10);
	snprintf(name, sizeof(name), "%s, readers registered: %u",
		 operation_name(EXCLUSIVE), readers);
	measure(meter, EXCLUSIVE, name);
	crew_end();
	crew_free();
	backends_close();
}

/* A call that fails is fast. */
static void try_all(void)
{
	const struct backend *backend;

	for (backend = backends; backend->name; backend++) {
		if (backend->operation > SHARED && !handle_is_real())
			continue;
		if (backend->lock() || backend->unlock())
			die("%s: %s failed", operation_name(backend->operation),
			    backend->name);
	}
}

static void measure_all(const struct meter *meter)
{
	enum operation operation;

	pin(0);
	backends_open();
	try_all();
	backends_close();
	for (operation = EXCLUSIVE; operation <= BRACKET_READ; operation++) {
		if (operation > SHARED && !handle_is_real())
			continue;
		/* Anew each time: no reader is registered before there was one. */
		backends_open();
		measure(meter, operation, operation_name(operation));
		backends_close();
	}
	measure_registered(meter, 1);
	measure_registered(meter, 8);
	measure_registered(meter, 40);
}

void count_instructions(void)
{
	measure_all(&instructions);
}

void count_nanoseconds(void)
{
	measure_all(&nanoseconds);
}
