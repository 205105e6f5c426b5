// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much data buffers may have: each of them, those of one user, and all
 * together. A user is a real user id as the kernel counts (kuid), not what a user
 * namespace calls it, nor what a setuid program acts as; and who made a namespace
 * is the user for all the ids that he has in there, unless he is root. He answers
 * for what he made, whoever has it now.
 *
 * It is data that counts, by whole pages. The two control pages and what the
 * kernel needs to keep a buffer are left out, so that what fits can be told
 * from the sizes of the buffers; the memory cgroup has those too.
 *
 * Taken before a page is allocated, so that no two callers at once get past a
 * limit that has room for one; given back when the buffer lets go of its pages.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/user_namespace.h>

#include "dmashm_gfp.h"
#include "dmashm_quota.h"

#define QUOTA_MIB_SHIFT	(20 - PAGE_SHIFT)

static unsigned long max_buffer_mib;
module_param(max_buffer_mib, ulong, 0644);
MODULE_PARM_DESC(max_buffer_mib,
		 "largest buffer in MiB (default: half of the memory)");

static unsigned long max_total_mib;
module_param(max_total_mib, ulong, 0644);
MODULE_PARM_DESC(max_total_mib,
		 "all buffers together in MiB (default: half of the memory)");

static unsigned long max_user_mib;
module_param(max_user_mib, ulong, 0644);
MODULE_PARM_DESC(max_user_mib,
		 "all buffers of one user in MiB (default: 0, no limit but the total)");

/* Innermost: nothing is taken or allocated under it. */
static DEFINE_SPINLOCK(quota_lock);
static DEFINE_HASHTABLE(quota_users, 7);	/* quota_lock */
static u64 quota_pages;				/* quota_lock; all users' */
static u64 quota_buffers;			/* quota_lock; all users' */

/**
 * dmashm_quota_set_defaults() - fill in what was not given at load
 *
 * Half of the memory, as tmpfs does: pages of buffers are neither swapped nor
 * reclaimed, and what is left must do for everybody else.
 */
void dmashm_quota_set_defaults(void)
{
	unsigned long half = max(1ul, totalram_pages() >> (QUOTA_MIB_SHIFT + 1));

	if (!max_buffer_mib)
		max_buffer_mib = half;
	if (!max_total_mib)
		max_total_mib = half;
}

/* Whatever is written into a parameter, the pages fit. */
static u64 quota_mib_to_pages(u64 mib)
{
	return min_t(u64, mib, U64_MAX >> QUOTA_MIB_SHIFT) << QUOTA_MIB_SHIFT;
}

/**
 * dmashm_quota_check_size() - may one buffer be that large?
 * @size: bytes, any number
 *
 * Never more pages than an int can count: scatterlists and vmap take unsigned
 * ints, and sums of a few such must not overflow either.
 *
 * Context: any.
 * Return: 0; -EFBIG.
 */
int dmashm_quota_check_size(u64 size)
{
	u64 pages = quota_mib_to_pages(READ_ONCE(max_buffer_mib));

	pages = min3(pages, (u64)INT_MAX, (u64)SIZE_MAX >> PAGE_SHIFT);
	/* Not rounded up to pages first: that could overflow. */
	return size > pages << PAGE_SHIFT ? -EFBIG : 0;
}

static struct dmashm_quota *quota_find(kuid_t uid)
{
	struct dmashm_quota *quota;

	lockdep_assert_held(&quota_lock);
	hash_for_each_possible(quota_users, quota, node, __kuid_val(uid))
		if (uid_eq(quota->uid, uid))
			return quota;
	return NULL;
}

/* A limit may have been lowered below what is in use. */
static bool quota_has_room(u64 limit, u64 used, unsigned long nr_pages)
{
	return used <= limit && nr_pages <= limit - used;
}

static int quota_check(const struct dmashm_quota *quota, unsigned long nr_pages)
{
	u64 total = quota_mib_to_pages(READ_ONCE(max_total_mib));
	u64 user = quota_mib_to_pages(READ_ONCE(max_user_mib));

	lockdep_assert_held(&quota_lock);
	if (user && !quota_has_room(user, quota->pages, nr_pages))
		return -EDQUOT;
	if (!quota_has_room(total, quota_pages, nr_pages))
		return -ENOSPC;
	return 0;
}

static void quota_add(struct dmashm_quota *quota, unsigned long nr_pages)
{
	lockdep_assert_held(&quota_lock);
	if (!quota->buffers)
		hash_add(quota_users, &quota->node, __kuid_val(quota->uid));
	quota->buffers++;
	quota->pages += nr_pages;
	quota_buffers++;
	quota_pages += nr_pages;
}

/*
 * Count them for who has the uid: in his record, or in @fresh if he has none.
 * NULL if there is neither.
 */
static struct dmashm_quota *quota_try(kuid_t uid, struct dmashm_quota *fresh,
				      unsigned long nr_pages)
{
	struct dmashm_quota *quota;
	int ret = 0;

	spin_lock(&quota_lock);
	quota = quota_find(uid) ?: fresh;
	if (quota) {
		ret = quota_check(quota, nr_pages);
		if (!ret)
			quota_add(quota, nr_pages);
	}
	spin_unlock(&quota_lock);
	return ret ? ERR_PTR(ret) : quota;
}

/* The outermost namespace counts: who owns that was given ids by the system. */
static kuid_t quota_user(void)
{
	const struct user_namespace *ns = current_user_ns();
	kuid_t owner = GLOBAL_ROOT_UID;

	for (; ns != &init_user_ns; ns = ns->parent)
		owner = ns->owner;
	return uid_eq(owner, GLOBAL_ROOT_UID) ? current_uid() : owner;
}

/**
 * dmashm_quota_take() - count a new buffer
 * @nr_pages: of data; dmashm_quota_check_size() allows as much
 *
 * Context: process, may sleep.
 * Return: whom it is counted for, the caller's user, to be given to
 * dmashm_quota_give_back(); or an ERR_PTR: -EDQUOT the user would have too
 * much; -ENOSPC all together would; -ENOMEM.
 */
struct dmashm_quota *dmashm_quota_take(unsigned long nr_pages)
{
	struct dmashm_quota *quota, *fresh;
	kuid_t uid = quota_user();

	quota = quota_try(uid, NULL, nr_pages);
	if (quota)
		return quota;
	fresh = kzalloc(sizeof(*fresh), DMASHM_GFP);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	fresh->uid = uid;
	quota = quota_try(uid, fresh, nr_pages);
	/* The user's first: unless another thread of his was quicker. */
	if (quota != fresh)
		kfree(fresh);
	return quota;
}

/**
 * dmashm_quota_give_back() - a buffer is no more
 * @quota:    what dmashm_quota_take() gave; may be freed
 * @nr_pages: as it was taken
 *
 * Context: process.
 */
void dmashm_quota_give_back(struct dmashm_quota *quota, unsigned long nr_pages)
{
	bool last;

	spin_lock(&quota_lock);
	quota_pages -= nr_pages;
	quota_buffers--;
	quota->pages -= nr_pages;
	last = !--quota->buffers;
	if (last)
		hash_del(&quota->node);
	spin_unlock(&quota_lock);
	if (last)
		kfree(quota);
}

/**
 * dmashm_quota_total() - what is in use
 * @buffers: how many
 * @pages:   of data in all of them
 *
 * Buffers that are being made count already.
 *
 * Context: process.
 */
void dmashm_quota_total(u64 *buffers, u64 *pages)
{
	spin_lock(&quota_lock);
	*buffers = quota_buffers;
	*pages = quota_pages;
	spin_unlock(&quota_lock);
}

/**
 * dmashm_quota_show_users() - one line for each user who has something
 * @m: where to; the user ids are as its reader's user namespace has them
 *
 * Context: process.
 */
void dmashm_quota_show_users(struct seq_file *m)
{
	struct dmashm_quota *quota;
	unsigned int bucket;

	spin_lock(&quota_lock);
	hash_for_each(quota_users, bucket, quota, node)
		seq_printf(m, "uid %u buffers %llu bytes %llu\n",
			   from_kuid_munged(seq_user_ns(m), quota->uid),
			   quota->buffers, quota->pages << PAGE_SHIFT);
	spin_unlock(&quota_lock);
}
