/* SPDX-License-Identifier: MIT */
/* What all processes of a run share: what they did last, and how often it worked. */
#ifndef FUZZ_SHARED_H
#define FUZZ_SHARED_H

#include <stdint.h>
#include <sys/types.h>

#define WORKERS_MAX	16
#define CALLS_MAX	96
#define ERRNOS		134	/* Linux knows none above 133 */
#define HISTORY		24	/* calls that are kept of each worker */
#define LINE		160

/* Of one worker; written by the one that lives, or by a child of its. */
struct slot {
	pid_t pid;		/* 0: there is none now */
	pid_t running;		/* who makes the call: the worker, or its child */
	uint32_t life;		/* how many there were before it */
	uint32_t lines;
	uint64_t calls;		/* in this round, of all lives */
	uint64_t began;		/* when the call began that runs, in ns; 0 none */
	uint64_t digest;	/* of what was drawn */
	char line[HISTORY][LINE];
};

struct tally {
	uint64_t succeeded;
	uint64_t failed[ERRNOS];
};

struct shared {
	uint64_t seed;
	uint32_t round;
	uint32_t failed;	/* whoever sets it writes the reason */
	char reason[1024];
	struct slot slot[WORKERS_MAX];
	struct tally tally[CALLS_MAX];
};

extern struct shared *shared;

#endif /* FUZZ_SHARED_H */
