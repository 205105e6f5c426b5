/* SPDX-License-Identifier: GPL-2.0-only */
/* How the module asks for memory on behalf of user space. */
#ifndef DMASHM_GFP_H
#define DMASHM_GFP_H

#include <linux/gfp.h>

/*
 * Charged to the caller's memory cgroup. At its limit, reclaim and then fail:
 * without __GFP_RETRY_MAYFAIL the OOM killer would be called, for one who only
 * asked for too much.
 */
#define DMASHM_GFP (GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

#endif /* DMASHM_GFP_H */
