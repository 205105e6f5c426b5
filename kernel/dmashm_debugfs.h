/* SPDX-License-Identifier: GPL-2.0-only */
/* /sys/kernel/debug/dmashm, for root. */
#ifndef DMASHM_DEBUGFS_H
#define DMASHM_DEBUGFS_H

void dmashm_debugfs_create(void);
void dmashm_debugfs_remove(void);

#endif /* DMASHM_DEBUGFS_H */
