/* SPDX-License-Identifier: GPL-2.0-only */
/* The quota: how much data buffers may have, of one user and all together. */
#ifndef DMASHM_QUOTA_H
#define DMASHM_QUOTA_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct seq_file;

/* What one user has; there only while he has something. */
struct dmashm_quota {
	struct hlist_node node;		/* quota_lock */
	kuid_t uid;			/* constant */
	u64 pages;			/* quota_lock */
	u64 buffers;			/* quota_lock; 0 only before it is found */
};

void dmashm_quota_set_defaults(void);

int dmashm_quota_check_size(u64 size);
struct dmashm_quota *dmashm_quota_take(unsigned long nr_pages);
void dmashm_quota_give_back(struct dmashm_quota *quota, unsigned long nr_pages);

void dmashm_quota_total(u64 *buffers, u64 *pages);
void dmashm_quota_show_users(struct seq_file *m);

#endif /* DMASHM_QUOTA_H */
