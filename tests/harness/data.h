/* SPDX-License-Identifier: MIT */
/*
 * What the barrier guards: plain memory of some lines, all of whose cells are
 * equal where nobody is at work. Nothing in it is atomic, so that
 * ThreadSanitizer reports whoever gets at it without the barrier's order.
 */
#ifndef HARNESS_DATA_H
#define HARNESS_DATA_H

#include <stdbool.h>
#include <stdint.h>

uint64_t data_writes(void);	/* so many as there were to the first cell */
bool data_write(void);		/* false: found torn */
bool data_read(void);		/* false: found torn */
void data_repair(void);

/*
 * The same where somebody may read whom the barrier does not keep out any more,
 * and who is told afterwards: ThreadSanitizer must not report that.
 */
bool data_write_watched(void);
bool data_watch(void);
bool data_watch_in_kernel(void);

/* Who is in, counted without an order of its own; false: one who may not be. */
bool data_enter(bool shared);
bool data_leave(bool shared);

#endif /* HARNESS_DATA_H */
