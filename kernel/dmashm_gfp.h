/* SPDX-License-Identifier: GPL-2.0-only */
/* How the module asks for memory on behalf of user space. */
#ifndef DMASHM_GFP_H
#define DMASHM_GFP_H

#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/types.h>

/*
 * Charged to the caller's memory cgroup. At its limit, reclaim and then fail:
 * without __GFP_RETRY_MAYFAIL the OOM killer would be called, for one who only
 * asked for too much.
 */
#define DMASHM_GFP (GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/*
 * For kvfree(). kvmalloc() takes __GFP_RETRY_MAYFAIL as a wish for memory in one
 * piece, and would reclaim and compact for that again and again before it does
 * with single pages. So that comes last.
 */
static inline void *dmashm_kvmalloc(size_t size)
{
	gfp_t easily = (DMASHM_GFP & ~__GFP_RETRY_MAYFAIL) | __GFP_NORETRY;

	return kvmalloc(size, easily) ?: kvmalloc(size, DMASHM_GFP);
}

#endif /* DMASHM_GFP_H */
