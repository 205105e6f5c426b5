// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "watch.h"
#include "worker.h"

#define HANG_NS		30000000000ull	/* emulated, under load */
#define HANG_LOOKS	2000	/* and so often: all of a guest may stand still */
#define OFTEN		300	/* who failed so often will not work */

/* As tests/ktap.h has it: how many times slower this machine is than others. */
static uint64_t hang_ns(void)
{
	const char *slow = getenv("DMASHM_SLOW");

	return HANG_NS * (slow && atoi(slow) > 0 ? (unsigned int)atoi(slow) : 1);
}

/* What the kernel says of one, from a file in /proc. */
static void show(pid_t pid, const char *name)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		printf("#   %s: %s", name, line);
	fclose(file);
}

static void show_process(pid_t pid)
{
	show(pid, "wchan");
	printf("\n");
	show(pid, "stack");
	show(pid, "syscall");
}

/* Is the call that @slot is in the same for so long, and by so many looks? */
static bool hangs(const struct slot *slot, uint64_t *last, unsigned int *looks)
{
	uint64_t now = clock_ns();
	uint64_t began = __atomic_load_n(&slot->began, __ATOMIC_ACQUIRE);

	*looks = began == *last ? *looks + 1 : 0;
	*last = began;
	return slot->pid && began && now > began && now - began > hang_ns() &&
	       *looks > HANG_LOOKS;
}

bool watch_finds_a_hang(unsigned int workers)
{
	static unsigned int looks[WORKERS_MAX];
	static uint64_t last[WORKERS_MAX];
	unsigned int i;

	for (i = 0; i < workers; i++) {
		struct slot *slot = &shared->slot[i];

		if (!hangs(slot, &last[i], &looks[i]))
			continue;
		if (!__atomic_exchange_n(&shared->failed, 1, __ATOMIC_SEQ_CST))
			snprintf(shared->reason, sizeof(shared->reason),
				 "worker %u hangs in: %.*s", i, LINE,
				 slot->line[slot->lines % HISTORY]);
		printf("# worker %u (%d, running %d) hangs\n", i, (int)slot->pid,
		       (int)slot->running);
		show_process(slot->running);
		return true;
	}
	return false;
}

void watch_tell(unsigned int workers)
{
	unsigned int i, n;

	for (i = 0; i < workers; i++) {
		struct slot *slot = &shared->slot[i];

		printf("# worker %u, life %u, its last calls:\n", i, slot->life);
		for (n = 1; n <= HISTORY; n++) {
			const char *line = slot->line[(slot->lines + n) % HISTORY];

			if (*line)
				printf("#   %.*s\n", LINE, line);
		}
	}
}

/* How often it failed in all. */
static uint64_t tell_errnos(const struct tally *tally)
{
	uint64_t failed = 0;
	int error;

	for (error = 0; error < ERRNOS; error++) {
		if (!tally->failed[error])
			continue;
		failed += tally->failed[error];
		printf("  %s %llu", strerrorname_np(error),
		       (unsigned long long)tally->failed[error]);
	}
	return failed;
}

bool watch_totals(void)
{
	uint64_t ok = 0, bad = 0, failed;
	bool reached = true;
	unsigned int i;

	for (i = 0; call_get(i); i++) {
		const struct tally *tally = &shared->tally[i];

		printf("#   %-22s %8llu ok ", call_get(i)->name,
		       (unsigned long long)tally->succeeded);
		failed = tell_errnos(tally);
		printf("\n");
		ok += tally->succeeded;
		bad += failed;
		if (!tally->succeeded && failed > OFTEN && !(call_get(i)->flags & CALL_RARE)) {
			printf("#   ^ it never worked\n");
			reached = false;
		}
	}
	printf("# %llu worked and %llu failed as they may\n", (unsigned long long)ok,
	       (unsigned long long)bad);
	return reached;
}
