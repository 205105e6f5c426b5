/* SPDX-License-Identifier: GPL-2.0-only */
/* A reader: who is in a barrier shared, a member by its slot or the kernel. */
#ifndef DMASHM_READER_H
#define DMASHM_READER_H

#include <linux/types.h>

struct dmashm_barrier;
struct dmashm_locker;
struct dmashm_member;

int dmashm_reader_enter(struct dmashm_barrier *barrier,
			struct dmashm_member *member);
int dmashm_reader_leave(struct dmashm_barrier *barrier,
			struct dmashm_member *member);
void dmashm_reader_step_back(struct dmashm_barrier *barrier,
			     struct dmashm_member *member);
void dmashm_reader_forget(struct dmashm_barrier *barrier,
			  struct dmashm_member *member);
u32 dmashm_reader_count(struct dmashm_barrier *barrier,
			const struct dmashm_member *member);
u32 dmashm_reader_writes(struct dmashm_barrier *barrier,
			 const struct dmashm_member *member);
void dmashm_reader_wake_drainer(struct dmashm_barrier *barrier);
bool dmashm_reader_any(struct dmashm_barrier *barrier);
int dmashm_reader_drain(struct dmashm_barrier *barrier,
			struct dmashm_locker *locker, u64 deadline,
			unsigned int state);

#endif /* DMASHM_READER_H */
