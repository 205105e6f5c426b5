// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include <linux/dmashm.h>

#include "call.h"
#include "mapping.h"
#include "object.h"
#include "worker.h"

#define INTERRUPT_US	5000

struct worker me;
struct shared *shared;

static sigjmp_buf touch_failed;
static volatile sig_atomic_t touching;

uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/*
 * What is told when it goes wrong
 */

static char *history_line(void)
{
	return me.slot->line[me.slot->lines % HISTORY];
}

void note(const char *format, ...)
{
	char *line = history_line();
	size_t length = strnlen(line, LINE - 1);
	va_list args;

	va_start(args, format);
	vsnprintf(line + length, LINE - length, format, args);
	va_end(args);
}

void fail(const char *format, ...)
{
	va_list args;

	if (!__atomic_exchange_n(&shared->failed, 1, __ATOMIC_SEQ_CST)) {
		int n = snprintf(shared->reason, sizeof(shared->reason),
				 "worker %u: %s: ", me.number, history_line());

		va_start(args, format);
		if (n > 0 && (size_t)n < sizeof(shared->reason))
			vsnprintf(shared->reason + n,
				  sizeof(shared->reason) - (size_t)n, format, args);
		va_end(args);
	}
	_exit(2);
}

/*
 * Signals
 */

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)context;
	if (touching)
		siglongjmp(touch_failed, 1);
	fail("signal %d at %p", signal, info->si_addr);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void catch_signals(void)
{
	struct sigaction fault = { .sa_sigaction = on_fault,
				   .sa_flags = SA_SIGINFO | SA_NODEFER };
	/* No SA_RESTART: what blocks comes back. */
	struct sigaction alarm = { .sa_handler = on_alarm };

	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	sigaction(SIGALRM, &alarm, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGIO, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

bool touch(volatile uint32_t *word, uint32_t *value, bool write)
{
	if (sigsetjmp(touch_failed, 0)) {
		touching = 0;
		return false;
	}
	touching = 1;
	if (write)
		*word = *value;
	else
		*value = *word;
	touching = 0;
	return true;
}

/* Over and over: the first may come before the call does. */
void interrupt_soon(void)
{
	struct itimerval timer = {
		.it_value.tv_usec = INTERRUPT_US,
		.it_interval.tv_usec = INTERRUPT_US,
	};

	setitimer(ITIMER_REAL, &timer, NULL);
}

void interrupt_no_more(void)
{
	struct itimerval timer = { 0 };

	setitimer(ITIMER_REAL, &timer, NULL);
}

/*
 * Calls
 */

static bool may_fail_with(const struct call *call, int error)
{
	const int *known;

	if (!call->errnos)
		return true;
	for (known = call->errnos; *known; known++)
		if (*known == error)
			return true;
	return false;
}

static void count_result(unsigned int index, long result)
{
	struct tally *tally = &shared->tally[index];

	if (result >= 0)
		__atomic_add_fetch(&tally->succeeded, 1, __ATOMIC_RELAXED);
	else if (-result < ERRNOS)
		__atomic_add_fetch(&tally->failed[-result], 1, __ATOMIC_RELAXED);
}

void worker_succeeded(const struct call *call)
{
	unsigned int index = 0;

	while (call_get(index) != call)
		index++;
	count_result(index, 0);
}

static void check_result(unsigned int index, long result)
{
	const struct call *call = call_get(index);

	if (result == CALL_NOTHING)
		return;
	count_result(index, result);
	if (result <= -ERRNOS)
		fail("%ld is no errno", result);
	if (result < 0 && !may_fail_with(call, (int)-result))
		fail("%s is not documented to fail with errno %ld (%s)",
		     call->name, -result, strerror((int)-result));
}

/*
 * Each call has numbers of its own: a result that came otherwise than the last
 * time, as it may when time matters, changes none of the calls that follow.
 */
static unsigned int next_call(void)
{
	me.random.state = random_mix(me.stream + me.drawn++);
	me.slot->digest = random_mix(me.slot->digest ^ me.random.state);
	return call_draw();
}

static void make_call(void)
{
	struct slot *slot = me.slot;
	unsigned int index = next_call();
	const struct call *call = call_get(index);
	long result;

	slot->lines++;
	history_line()[0] = '\0';
	note("%llu %s", (unsigned long long)slot->calls, call->name);
	__atomic_store_n(&slot->began, clock_ns(), __ATOMIC_RELEASE);
	if (call->flags & CALL_BLOCKS)
		interrupt_soon();
	result = call->run(call);
	if (call->flags & CALL_BLOCKS)
		interrupt_no_more();
	__atomic_store_n(&slot->began, 0, __ATOMIC_RELEASE);
	__atomic_add_fetch(&slot->calls, 1, __ATOMIC_RELAXED);
	if (result == CALL_NOTHING)
		note(" nothing there");
	else
		note(" = %ld", result);
	check_result(index, result);
}

/* To give back all it has is a call like any other: it must come to an end. */
void worker_leaves(void)
{
	me.slot->lines++;
	history_line()[0] = '\0';
	note("the end");
	__atomic_store_n(&me.slot->began, clock_ns(), __ATOMIC_RELEASE);
}

/*
 * Beginning
 */

/* A member of its own, without which there is little to do. */
static void join_well(int member)
{
	struct dmashm_join join = { .dmabuf_fd = -1 };
	struct object *object;

	if (ioctl(member, DMASHM_IOC_JOIN, &join))
		return;		/* so many that there is no place */
	object = object_add(join.fd, KIND_MEMBER);
	object->owner = me.pid;
}

/* Its own fds, so that it can close them like any others. */
static void inherit(void)
{
	int i, fd;

	for (i = 0; i < WELLS; i++) {
		fd = fcntl(me.legacy->dmabuf[i], F_DUPFD_CLOEXEC, 0);
		if (fd >= 0)
			object_add(fd, KIND_DMABUF);
		fd = fcntl(me.legacy->member[i], F_DUPFD_CLOEXEC, 0);
		if (fd >= 0)
			object_add(fd, KIND_MEMBER)->owner = getppid();
		join_well(me.legacy->member[i]);
	}
	fd = open(DMASHM_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("no %s", DMASHM_DEVICE);
	object_add(fd, KIND_DEVICE);
}

void worker_run(unsigned int number, const struct legacy *legacy, uint64_t calls)
{
	me.number = number;
	me.slot = &shared->slot[number];
	me.legacy = legacy;
	me.calls = calls;
	me.pid = getpid();
	me.slot->running = me.pid;
	me.stream = random_stream(shared->seed, shared->round, number, me.slot->life);
	catch_signals();
	object_reset();
	mapping_reset();
	inherit();
	while (me.slot->calls < calls && !shared->failed)
		make_call();
	worker_leaves();
	_exit(0);
}

/*
 * A child has what its parent has, but is another process: with another
 * stream, which the parent's determines.
 */
void worker_child_run(unsigned int calls, uint64_t stream)
{
	me.stream = stream;
	me.drawn = 0;
	me.pid = getpid();
	me.depth++;
	me.slot->running = me.pid;
	/* Its parent's clock does not run here; the parent's call is over for it. */
	while (calls--)
		make_call();
	worker_leaves();
}
