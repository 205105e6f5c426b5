// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fragments the memory, for tests, with pages that nobody can move. Half of what
 * is free stays so, but no two neighbours of it.
 */
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "dmashm_fragmenter.h"

/*
 * No reclaim, no reserves, no warning. Half of it as movable, which it is not,
 * so that it is also in the way of those who look there for pages to move.
 */
#define FRAGMENTER_GFP (__GFP_NORETRY | __GFP_NOWARN)

static DEFINE_MUTEX(fragmenter_lock);
static LIST_HEAD(fragmenter_pages);	/* fragmenter_lock */

static void fragmenter_free(struct page *page)
{
	list_del(&page->lru);
	__free_page(page);
}

static void fragmenter_release_pages(void)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &fragmenter_pages, lru) {
		fragmenter_free(page);
		cond_resched();
	}
}

static bool fragmenter_take_block(gfp_t gfp, int order)
{
	struct page *page = alloc_pages(gfp, order);
	unsigned int i;

	if (!page)
		return false;
	split_page(page, order);
	for (i = 0; i < 1u << order; i++)
		list_add(&page[i].lru, &fragmenter_pages);
	cond_resched();
	return true;
}

/*
 * Each CPU keeps blocks of pageblock_order in lists of its own, by kind, and
 * gives them out only while there are others of that size beside them. So these
 * first, and both kinds in turn.
 */
static long fragmenter_take_on_cpu(void *unused)
{
	bool some;
	int order;

	for (order = pageblock_order; order >= 0; order--) {
		do {
			some = fragmenter_take_block(FRAGMENTER_GFP, order);
			some |= fragmenter_take_block(FRAGMENTER_GFP |
						      __GFP_MOVABLE, order);
		} while (some);
	}
	return 0;
}

static u64 fragmenter_take(void)
{
	struct page *page, *next;
	u64 kept = 0;
	int cpu;

	for_each_online_cpu(cpu)
		work_on_cpu(cpu, fragmenter_take_on_cpu, NULL);
	list_for_each_entry_safe(page, next, &fragmenter_pages, lru) {
		if (page_to_pfn(page) % 2)
			fragmenter_free(page);
		else
			kept++;
		cond_resched();
	}
	return kept;
}

static long fragmenter_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg)
{
	u64 kept;

	if (cmd != FRAGMENTER_IOC_TAKE)
		return -ENOTTY;
	mutex_lock(&fragmenter_lock);
	kept = fragmenter_take();
	mutex_unlock(&fragmenter_lock);
	return copy_to_user((void __user *)arg, &kept, sizeof(kept)) ? -EFAULT :
								       0;
}

static int fragmenter_release(struct inode *inode, struct file *file)
{
	mutex_lock(&fragmenter_lock);
	fragmenter_release_pages();
	mutex_unlock(&fragmenter_lock);
	return 0;
}

static const struct file_operations fragmenter_fops = {
	.owner = THIS_MODULE,
	.release = fragmenter_release,
	.unlocked_ioctl = fragmenter_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice fragmenter_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dmashm_fragmenter",
	.fops = &fragmenter_fops,
	.mode = 0600,
};
module_misc_device(fragmenter_misc);

MODULE_DESCRIPTION("Fragmented memory, for the tests of dmashm");
MODULE_LICENSE("GPL");
