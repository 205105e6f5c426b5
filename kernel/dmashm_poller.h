/* SPDX-License-Identifier: GPL-2.0-only */
/* poll on a member fd: an armed word has changed, somebody has left. */
#ifndef DMASHM_POLLER_H
#define DMASHM_POLLER_H

#include <linux/poll.h>
#include <linux/types.h>
#include <linux/wait.h>

struct dmashm_arm;
struct dmashm_barrier;
struct dmashm_member;
struct file;

struct dmashm_poller {
	wait_queue_head_t queue;	/* who polls or epolls the fd */
	bool armed;			/* barrier->lock, as all below */
	u32 offset;
	u32 expected;
	u32 departures;
};

void dmashm_poller_init(struct dmashm_poller *poller);
void dmashm_poller_arm(struct dmashm_member *member,
		       const struct dmashm_arm *arm);
void dmashm_poller_tell(struct dmashm_barrier *barrier, u32 offset);
void dmashm_poller_hang_up(struct dmashm_member *gone);
void dmashm_poller_tell_departure(struct dmashm_barrier *barrier,
				  struct dmashm_member *gone);
__poll_t dmashm_poller_poll(struct file *file, struct poll_table_struct *table);

#endif /* DMASHM_POLLER_H */
