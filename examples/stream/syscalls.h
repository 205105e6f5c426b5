/* SPDX-License-Identifier: MIT */
/* How many system calls this process makes, as the kernel counts them. */
#ifndef SYSCALLS_H
#define SYSCALLS_H

#include <stdint.h>
#include <stdio.h>

struct syscalls {
	int fd;			/* of the perf event; -1 where it cannot be had */
	const char *missing;	/* what it failed at then */
	int err;		/* and the errno */
	uint64_t made;		/* set by syscalls_stop() */
};

/* Count from now on, for the calling thread. */
void syscalls_start(struct syscalls *calls);

/* Take the count; those made to count are not in it. */
void syscalls_stop(struct syscalls *calls);

/* "6.1 system calls per frame", or why they were not counted. */
void syscalls_print(const struct syscalls *calls, uint64_t frames, FILE *out);

#endif /* SYSCALLS_H */
