/* SPDX-License-Identifier: GPL-2.0-only */
/* A member: one process's part in one buffer's barrier, behind an fd. */
#ifndef DMASHM_MEMBER_H
#define DMASHM_MEMBER_H

#include <linux/list.h>
#include <linux/types.h>

#include "dmashm_lease.h"
#include "dmashm_poller.h"

struct dmashm_buffer;
struct dmashm_join;
struct dmashm_process;
struct dmashm_sync;
struct file;
struct iov_iter;
struct kiocb;
struct pid;

/*
 * A viewer is a member that may only read. It has no slot and no id, and a
 * lease instead (dmashm_lease.c).
 */
struct dmashm_member {
	struct dmashm_buffer *buffer;	/* constant; a reference */
	struct dmashm_process *process;	/* constant; a reference: whose it is */
	struct list_head of_process;	/* process->lock */
	struct pid *tgid;		/* constant; a reference; for people only */
	struct list_head node;		/* barrier->lock; empty once it left */
	bool viewer;			/* constant */
	u32 id;				/* constant since it entered */
	u32 slot;			/* constant since it entered */
	struct dmashm_lease lease;	/* of a viewer */
	struct dmashm_poller poller;
};

/* For people: 0 is the kernel's. */
static inline u32 dmashm_member_id(const struct dmashm_member *member)
{
	return member ? member->id : 0;
}

struct file *dmashm_member_file(struct dmashm_buffer *buffer, bool viewer,
				struct dmashm_join *join);
void dmashm_member_leave(struct dmashm_member *member);

ssize_t dmashm_member_read_iter(struct kiocb *iocb, struct iov_iter *to);
ssize_t dmashm_member_write_iter(struct kiocb *iocb, struct iov_iter *from);
loff_t dmashm_member_llseek(struct file *file, loff_t offset, int whence);
int dmashm_member_sync(const struct dmashm_member *member,
		       const struct dmashm_sync *sync);

#endif /* DMASHM_MEMBER_H */
