/* SPDX-License-Identifier: GPL-2.0-only */
/* The two control pages of a buffer: facts and words. */
#ifndef DMASHM_CONTROL_H
#define DMASHM_CONTROL_H

#include <linux/types.h>
#include <uapi/linux/dmashm.h>

struct page;
struct vm_area_struct;

struct dmashm_control {
	struct page *facts_page;	/* constant; user space may only read it */
	struct page *words_page;	/* constant; user space writes what it likes */
	struct dmashm_facts *facts;	/* constant; the kernel's own mapping */
	u32 *words;			/* constant; trust nothing in there */
};

int dmashm_control_init(struct dmashm_control *control);
void dmashm_control_exit(struct dmashm_control *control);
int dmashm_control_mmap(struct dmashm_control *control,
			struct vm_area_struct *vma);
vm_fault_t dmashm_control_fault(struct dmashm_control *control,
				struct vm_fault *vmf);

#endif /* DMASHM_CONTROL_H */
