# SPDX-License-Identifier: GPL-2.0-only
# Probes for dmashm_compat.h, and where our headers are. Looks at what the
# kernel's headers offer: distributions carry features back, so a version
# number would say too little.

# src may be relative, and to what has changed between kernels.
dmashm-top := $(realpath $(dir $(lastword $(MAKEFILE_LIST)))..)

ccflags-y += -I$(dmashm-top)/include -I$(dmashm-top)/kernel

ifneq ($(shell grep -sw 'void vm_flags_set' $(srctree)/include/linux/mm.h),)
ccflags-y += -DDMASHM_HAVE_VM_FLAGS_SET
endif
ifneq ($(shell grep -sw 'static inline int folio_mapcount' $(srctree)/include/linux/mm.h),)
ccflags-y += -DDMASHM_HAVE_INLINE_FOLIO_MAPCOUNT
endif
ifneq ($(shell grep -sw 'int timer_delete_sync' $(srctree)/include/linux/timer.h),)
ccflags-y += -DDMASHM_HAVE_TIMER_DELETE_SYNC
endif
ifneq ($(shell grep -sw 'int dma_buf_vmap_unlocked' $(srctree)/include/linux/dma-buf.h),)
ccflags-y += -DDMASHM_HAVE_DMA_BUF_VMAP_UNLOCKED
endif
ifneq ($(shell grep -sw 'copy_splice_read' $(srctree)/include/linux/fs.h),)
ccflags-y += -DDMASHM_HAVE_COPY_SPLICE_READ
endif

# Who shows the heap: the kernel's core, where modules may call it. The headers
# declare dma_heap_add() where it is not exported, too.
ifneq ($(shell grep -sw 'dma_heap_add' $(objtree)/Module.symvers),)
dmashm-heap := core
else
dmashm-heap := device
endif
