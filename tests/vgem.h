/* SPDX-License-Identifier: MIT */
/*
 * vgem: a device in software that imports buffers, and has fences that are
 * signalled when it is told to, or after ten seconds.
 */
#ifndef TESTS_VGEM_H
#define TESTS_VGEM_H

#include <xf86drm.h>

#include "uapi.h"
#include "vgem_uapi.h"

#define VGEM_FENCE_MS	10000	/* how long a fence lasts that nobody signals */

/* vgem's primary node; SKIP where it is not there. */
static inline int open_vgem(void)
{
	int fd;

	if (!load_module("vgem"))
		SKIP("this kernel has no vgem");
	fd = drmOpen("vgem", NULL);
	ASSERT(fd >= 0);
	return fd;
}

static inline uint32_t import_dmabuf(int drm, int dmabuf)
{
	uint32_t handle = 0;

	ASSERT_EQ(drmPrimeFDToHandle(drm, dmabuf, &handle), 0);
	return handle;
}

/* The device works on the buffer from now on, with 0 or VGEM_FENCE_WRITE. */
static inline uint32_t attach_fence(int vgem, uint32_t handle, uint32_t flags)
{
	struct drm_vgem_fence_attach arg = { .handle = handle, .flags = flags };

	ASSERT_EQ(drmIoctl(vgem, DRM_IOCTL_VGEM_FENCE_ATTACH, &arg), 0);
	return arg.out_fence;
}

/* The device is done. */
static inline void signal_fence(int vgem, uint32_t fence)
{
	struct drm_vgem_fence_signal arg = { .fence = fence };

	ASSERT_EQ(drmIoctl(vgem, DRM_IOCTL_VGEM_FENCE_SIGNAL, &arg), 0);
}

#endif /* TESTS_VGEM_H */
