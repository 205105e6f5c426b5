/* SPDX-License-Identifier: MIT */
/* What the fragmenter module and the test programs share. */
#ifndef DMASHM_FRAGMENTER_H
#define DMASHM_FRAGMENTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define FRAGMENTER_DEVICE "/dev/dmashm_fragmenter"

/*
 * Takes all free memory page by page, and gives back each second page: of two
 * that could be one block, never both. Gives how many pages it keeps. Closing
 * the device gives them back.
 */
#define FRAGMENTER_IOC_TAKE _IOR(0xD8, 0x00, __u64)

#endif /* DMASHM_FRAGMENTER_H */
