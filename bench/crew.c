// SPDX-License-Identifier: MIT
#include "crew.h"

#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"
#include "clock.h"
#include "cpus.h"
#include "die.h"

/* A benchmark that hangs is over after so many seconds. */
#define LIMIT 60

struct board *board;

static unsigned int size;
static pid_t pids[CREW_MAX];

/* Not polled: who waits must not disturb who is measured. */
static void wait_for(uint32_t *word)
{
	while (!__atomic_load_n(word, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void announce(uint32_t *word)
{
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void crew_start(unsigned int count, void (*work)(unsigned int n), bool pinned)
{
	if (count > CREW_MAX)
		die("a crew of %u is too large", count);
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		die("no memory");
	board->last = UINT32_MAX;
	fflush(stdout);
	for (size = 0; size < count; size++) {
		pids[size] = fork();
		if (pids[size] < 0)
			die("fork failed");
		if (pids[size])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(LIMIT);
		if (pinned)
			pin(size);
		backends_inherit(size);
		work(size);
		_exit(0);
	}
}

void crew_ready(void)
{
	__atomic_add_fetch(&board->ready, 1, __ATOMIC_RELEASE);
	wait_for(&board->go);
}

bool crew_stopped(void)
{
	return __atomic_load_n(&board->stop, __ATOMIC_RELAXED);
}

void crew_sleep(void)
{
	wait_for(&board->stop);
}

static void wait_until_ready(void)
{
	double end = now() + LIMIT * 1e9;

	while (__atomic_load_n(&board->ready, __ATOMIC_ACQUIRE) < size) {
		if (now() > end)
			die("not all were ready within %d s", LIMIT);
		usleep(1000);
	}
}

double crew_run(unsigned int ms)
{
	double begin;

	wait_until_ready();
	begin = now();
	announce(&board->go);
	usleep(ms * 1000);
	return now() - begin;
}

uint64_t crew_end(void)
{
	uint64_t done = 0;
	unsigned int n;
	int status;

	announce(&board->stop);
	for (n = 0; n < size; n++) {
		if (waitpid(pids[n], &status, 0) != pids[n] || status)
			die("process %u of %u ended with status %#x", n, size, status);
		done += board->member[n].done;
	}
	return done;
}

void crew_free(void)
{
	munmap(board, sizeof(*board));
}
