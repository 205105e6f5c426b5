// SPDX-License-Identifier: MIT
/* See crew.h. */
#include "crew.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gate.h"

/* One test's; see the Makefile. */
#define SECONDS_DEFAULT	2

/* Till the end of a shift is seen as never to come. */
#define PATIENCE_NS	20000000000u

static uint32_t over, ended;

/* The sanitizers' settings: what they find is the test's end. */
const char *__tsan_default_options(void);
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

const char *__tsan_default_options(void)
{
	return "halt_on_error=1:exitcode=66:report_signal_unsafe=0";
}

const char *__asan_default_options(void)
{
	return "halt_on_error=1:detect_stack_use_after_return=1";
}

const char *__ubsan_default_options(void)
{
	return "halt_on_error=1:print_stacktrace=1";
}

bool crew_over(void)
{
	return __atomic_load_n(&over, __ATOMIC_RELAXED);
}

void crew_sleep_us(unsigned int us)
{
	const struct timespec time = {
		.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000l,
	};

	nanosleep(&time, NULL);
}

static uint64_t test_ns(void)
{
	const char *seconds = getenv("HARNESS_SECONDS");

	return (uint64_t)(1e9 * (seconds ? atof(seconds) : SECONDS_DEFAULT));
}

void crew_open(struct crew *crew)
{
	gate_open();
	crew->started = task_now();
	step_begin((uint32_t)crew->started, STEP_FAST, NULL);
}

bool crew_goes_on(const struct crew *crew)
{
	return task_now() - crew->started < test_ns();
}

void crew_form_with_views(struct crew *crew, unsigned int parties,
			  unsigned int views)
{
	unsigned int n;

	for (n = 0; n < parties; n++)
		party_open(&crew->party[n], (int)n, n + views >= parties);
	crew->parties = parties;
	crew->workers = 0;
}

void crew_form(struct crew *crew, unsigned int parties)
{
	crew_form_with_views(crew, parties, 0);
}

struct worker *crew_add(struct crew *crew, int party,
			void (*work)(struct worker *), enum step_pace pace)
{
	struct worker *worker = &crew->worker[crew->workers++];

	*worker = (struct worker){
		.party = party == CREW_KERNEL ? NULL : &crew->party[party],
		.work = work, .pace = pace, .seed = step_random(),
	};
	return worker;
}

static void *work(void *argument)
{
	struct worker *worker = argument;

	step_begin(worker->seed, worker->pace, &worker->fate);
	party_enlist(worker);
	if (setjmp(worker->fate.grave))
		party_bury(worker);
	do {
		while (!crew_over()) {
			worker->work(worker);
			worker->done++;
		}
	} while (!party_retire(worker));
	__atomic_add_fetch(&ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

void crew_fail(const struct crew *crew, const char *reason)
{
	unsigned int n;

	dprintf(1, "# %s\n", reason);
	gate_describe();
	for (n = 0; n < crew->workers; n++)
		dprintf(1, "# worker %u of %s: %llu times\n", n,
			!crew->worker[n].party ? "the kernel" :
			crew->worker[n].party->view ? "a viewer" : "a member",
			(unsigned long long)crew->worker[n].done);
	_Exit(1);
}

static void wait_for_end(const struct crew *crew)
{
	uint64_t late = task_now() + PATIENCE_NS;

	while (__atomic_load_n(&ended, __ATOMIC_ACQUIRE) != crew->workers) {
		if (task_now() > late)
			crew_fail(crew, "somebody sleeps for ever");
		crew_sleep_us(50);
	}
}

static void count(struct crew *crew, const struct worker *worker)
{
	crew->done += worker->done;
	crew->took += worker->took;
	crew->wrote += worker->wrote;
	if (worker->worst > crew->worst)
		crew->worst = worker->worst;
}

/* The parties leave at its end. */
void crew_work(struct crew *crew, unsigned int ms)
{
	const char *litter;
	unsigned int n;

	__atomic_store_n(&over, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&ended, 0, __ATOMIC_RELAXED);
	for (n = 0; n < crew->workers; n++)
		if (pthread_create(&crew->worker[n].thread, NULL, work,
				   &crew->worker[n]))
			crew_fail(crew, "no thread");
	crew_sleep_us(ms * 1000);
	for (n = 0; n < crew->parties; n++)
		party_spare(&crew->party[n]);
	if (crew->ending)
		crew->ending(crew);
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	wait_for_end(crew);
	for (n = 0; n < crew->workers; n++) {
		pthread_join(crew->worker[n].thread, NULL);
		count(crew, &crew->worker[n]);
	}
	litter = gate_litter(!crew->scribbled);
	if (litter)
		crew_fail(crew, litter);
	for (n = 0; n < crew->parties; n++) {
		crew->deaths += crew->party[n].deaths;
		party_close(&crew->party[n]);
	}
}

void crew_report(const struct crew *crew)
{
	uint64_t ms = (task_now() - crew->started) / 1000000 + 1;

	dprintf(1, "# %llu times had, %llu of them exclusively, of %llu; %llu a second; %u deaths; %llu us at the worst\n",
		(unsigned long long)crew->took, (unsigned long long)crew->wrote,
		(unsigned long long)crew->done,
		(unsigned long long)(crew->took * 1000 / ms), crew->deaths,
		(unsigned long long)(crew->worst / 1000));
}
