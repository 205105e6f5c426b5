/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between the supported kernels. Nothing else may. */
#ifndef DMASHM_COMPAT_H
#define DMASHM_COMPAT_H

#include <linux/mm.h>
#include <linux/timer.h>

#ifndef DMASHM_HAVE_VM_FLAGS_SET
/* Linux 6.3 put the flags behind functions that take the VMA's lock. */
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#ifndef DMASHM_HAVE_TIMER_DELETE_SYNC
/* The name since Linux 6.2; the old one went with 6.15. */
static inline int timer_delete_sync(struct timer_list *timer)
{
	return del_timer_sync(timer);
}
#endif

#endif /* DMASHM_COMPAT_H */
