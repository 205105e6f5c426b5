/* SPDX-License-Identifier: GPL-2.0-only */
/* An ioctl call on its way: argument in, handler, argument out, new fd. */
#ifndef DMASHM_IOCTL_H
#define DMASHM_IOCTL_H

#include <linux/types.h>
#include <uapi/linux/dmashm.h>

struct dmashm_member;
struct file;

/* Bytes of each struct as first published; these never change. */
enum {
	DMASHM_CREATE_V0 = 48,
	DMASHM_JOIN_V0 = 24,
	DMASHM_INFO_V0 = 80,
	DMASHM_WAIT_V0 = 24,
	DMASHM_WAKE_V0 = 16,
	DMASHM_LOCK_V0 = 16,
	DMASHM_UNLOCK_V0 = 8,
	DMASHM_ARM_V0 = 16,
	DMASHM_EXPORT_V0 = 16,
	DMASHM_SEAL_V0 = 8,
	DMASHM_SYNC_V0 = 24,
};

struct dmashm_call {
	union {
		struct dmashm_create create;
		struct dmashm_join join;
		struct dmashm_info info;
		struct dmashm_wait wait;
		struct dmashm_wake wake;
		struct dmashm_lock lock;
		struct dmashm_unlock unlock;
		struct dmashm_arm arm;
		struct dmashm_export export;
		struct dmashm_seal seal;
		struct dmashm_sync sync;
	} arg;
	struct file *new_file;	/* set with new_fd; belongs to the call */
	int new_fd;
};

struct dmashm_ioctl {
	unsigned int cmd;
	size_t size_v0;
	int (*handler)(struct file *file, struct dmashm_call *call);
};

long dmashm_ioctl(struct file *file, unsigned int cmd, unsigned long arg,
		  const struct dmashm_ioctl *table, size_t entries);

u64 dmashm_ioctl_deadline(u64 deadline);
int dmashm_ioctl_give_file(struct dmashm_call *call, struct file *file);
int dmashm_ioctl_join(struct dmashm_member *asked, struct dmashm_call *call);
int dmashm_ioctl_export(struct dmashm_member *asked, struct dmashm_call *call);
int dmashm_ioctl_info(struct dmashm_member *asked, struct dmashm_call *call);

#endif /* DMASHM_IOCTL_H */
