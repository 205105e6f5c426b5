/* SPDX-License-Identifier: GPL-2.0-only */
/* The data in user space's address spaces. */
#ifndef DMASHM_MMAP_H
#define DMASHM_MMAP_H

#include <linux/types.h>

struct dmashm_buffer;
struct vm_area_struct;

int dmashm_mmap(struct dmashm_buffer *buffer, struct vm_area_struct *vma,
		bool writable);

#endif /* DMASHM_MMAP_H */
