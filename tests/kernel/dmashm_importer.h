/* SPDX-License-Identifier: MIT */
/* What the importer module and the test programs share. */
#ifndef DMASHM_IMPORTER_H
#define DMASHM_IMPORTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IMPORTER_DEVICE "/dev/dmashm_importer"

/*
 * OPEN attaches to the dma-buf whose fd it is given; from then on mmap of the
 * device hands the mapping on to it. MAP maps it for the device in one of the
 * directions of enum dma_data_direction and gives the segments that it has; at
 * most one mapping at a time. VMAP maps it for the kernel and unmaps it.
 */
#define IMPORTER_IOC_OPEN   _IOW(0xD8, 0x00, __s32)
#define IMPORTER_IOC_MAP    _IOWR(0xD8, 0x01, __u32)
#define IMPORTER_IOC_UNMAP  _IO(0xD8, 0x02)
#define IMPORTER_IOC_VMAP   _IO(0xD8, 0x03)

#define IMPORTER_BIDIRECTIONAL	0
#define IMPORTER_TO_DEVICE	1
#define IMPORTER_FROM_DEVICE	2

#endif /* DMASHM_IMPORTER_H */
