/* SPDX-License-Identifier: MIT */
/* The calls that are made, and what each may answer. */
#ifndef FUZZ_CALL_H
#define FUZZ_CALL_H

#include <errno.h>
#include <stddef.h>

#define CALL_BLOCKS	0x1u	/* may sleep, so a timer interrupts it */
#define CALL_RARE	0x2u	/* need not succeed in any run */

#define CALL_NOTHING	(-1000)	/* there was nothing to call it on */

/**
 * struct call - a kind of call
 * @name:   for people
 * @weight: how often, beside the others
 * @flags:  CALL_BLOCKS, CALL_RARE
 * @errnos: what it may fail with, as documented; ends with 0. NULL: anything
 * @run:    makes one; 0 or more, -errno, or CALL_NOTHING
 * @data:   for @run
 */
struct call {
	const char *name;
	unsigned int weight;
	unsigned int flags;
	const int *errnos;
	long (*run)(const struct call *call);
	const void *data;
};

#define ERRNO_LIST(...) ((const int[]){ __VA_ARGS__, 0 })

/* One of these for each file that has calls; the last one has no name. */
extern const struct call ioctl_calls[];
extern const struct call dmabuf_calls[];
extern const struct call memory_calls[];
extern const struct call words_calls[];
extern const struct call file_calls[];
extern const struct call pipe_calls[];
extern const struct call process_calls[];
extern const struct call device_calls[];
extern const struct call look_calls[];
extern const struct call ring_calls[];

/* All of them in one list. */
const struct call *call_get(unsigned int index);	/* NULL: no more */
unsigned int call_count(void);

/* One drawn by weight. */
unsigned int call_draw(void);

/* What a system call gave, as @run returns it. */
static inline long call_result(long ret)
{
	return ret < 0 ? -errno : ret;
}

#endif /* FUZZ_CALL_H */
