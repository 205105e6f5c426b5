// SPDX-License-Identifier: GPL-2.0-only
/* dmashm: page-backed shared memory as dma-bufs, with a shared barrier. */
#include <linux/init.h>
#include <linux/module.h>

#include "dmashm_compat.h"
#include "dmashm_debugfs.h"
#include "dmashm_device.h"
#include "dmashm_heap.h"
#include "dmashm_process.h"
#include "dmashm_quota.h"

static int __init dmashm_init(void)
{
	int ret;

	dmashm_quota_set_defaults();
	ret = dmashm_device_register();
	if (ret)
		return ret;
	/* It can be open by now, and nobody waits for that: nothing may fail. */
	dmashm_heap_register();
	dmashm_debugfs_create();
	return 0;
}

static void __exit dmashm_exit(void)
{
	dmashm_debugfs_remove();
	dmashm_heap_unregister();
	dmashm_device_unregister();
	dmashm_process_exit();
}

module_init(dmashm_init);
module_exit(dmashm_exit);

MODULE_DESCRIPTION("Shared memory as dma-bufs with a barrier of user space and kernel");
MODULE_LICENSE("GPL");
DMASHM_IMPORT_DMA_BUF();
