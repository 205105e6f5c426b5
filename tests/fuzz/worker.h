/* SPDX-License-Identifier: MIT */
/* One process that makes calls, one after the other, as its random numbers say. */
#ifndef FUZZ_WORKER_H
#define FUZZ_WORKER_H

#include <unistd.h>

#include "random.h"
#include "shared.h"

struct call;

#define WELLS 4			/* buffers that all workers begin with */

/* What a worker is born with. */
struct legacy {
	unsigned int workers;
	int dmabuf[WELLS];
	int member[WELLS];		/* of the process that keeps them */
	int post[WORKERS_MAX][2];	/* where a worker receives, and others send */
};

struct worker {
	struct random random;		/* of the call that is being made */
	uint64_t stream;		/* what all calls' numbers derive from */
	uint64_t drawn;			/* how many calls that was */
	struct slot *slot;
	const struct legacy *legacy;
	unsigned int number;
	uint64_t calls;			/* to make in this round */
	pid_t pid;			/* of this process, child or not */
	int depth;			/* of children */
};

extern struct worker me;

/* 0 to n - 1. */
static inline uint64_t below(uint64_t n)
{
	return random_below(&me.random, n);
}

/* In so many of a hundred cases. */
static inline bool percent(unsigned int n)
{
	return below(100) < n;
}

/* Adds to what the history says of the call that is being made. */
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);

/* Ends the whole run. */
__attribute__((format(printf, 1, 2), noreturn)) void fail(const char *format, ...);

uint64_t clock_ns(void);

/* Does not return. */
__attribute__((noreturn)) void worker_run(unsigned int number,
					  const struct legacy *legacy,
					  uint64_t calls);

/* It worked: for a call that does not come back. */
void worker_succeeded(const struct call *call);

/* What comes next is the end of this process. */
void worker_leaves(void);

/* A few calls in a child, which then ends by itself or is killed. */
void worker_child_run(unsigned int calls, uint64_t stream);

/*
 * An access to memory that may not be there: false if it was not. @write changes
 * the word, else it is read into *value.
 */
bool touch(volatile uint32_t *word, uint32_t *value, bool write);

/* What blocks meanwhile ends with EINTR, soon and again and again. */
void interrupt_soon(void);
void interrupt_no_more(void);

#endif /* FUZZ_WORKER_H */
