# SPDX-License-Identifier: GPL-2.0-only
# Probes for dmashm_compat.h, and where our headers are. Looks at what the
# kernel's headers offer: distributions carry features back, so a version
# number would say too little.
#
# dmashm-root: the project's top, as Kbuild sees it. src is absolute since
# Linux 6.10 and for builds outside the kernel's tree.
dmashm-top := $(if $(filter /%,$(src)),$(src),$(srctree)/$(src))/$(dmashm-root)

ccflags-y += -I$(dmashm-top)/include -I$(dmashm-top)/kernel

ifneq ($(shell grep -sw vm_flags_set $(srctree)/include/linux/mm.h),)
ccflags-y += -DDMASHM_HAVE_VM_FLAGS_SET
endif
ifneq ($(shell grep -sw timer_delete_sync $(srctree)/include/linux/timer.h),)
ccflags-y += -DDMASHM_HAVE_TIMER_DELETE_SYNC
endif
