/* SPDX-License-Identifier: MIT */
/* vgem's ioctls, which the headers of some distributions (Debian 12) leave out. */
#ifndef TESTS_VGEM_UAPI_H
#define TESTS_VGEM_UAPI_H

#include <drm.h>
#include <stdint.h>

#if __has_include(<drm/vgem_drm.h>)
#include <drm/vgem_drm.h>
#else
struct drm_vgem_fence_attach {
	uint32_t handle;
	uint32_t flags;
	uint32_t out_fence;
	uint32_t pad;
};

struct drm_vgem_fence_signal {
	uint32_t fence;
	uint32_t flags;
};

#define VGEM_FENCE_WRITE 1
#define DRM_IOCTL_VGEM_FENCE_ATTACH \
	DRM_IOWR(DRM_COMMAND_BASE + 1, struct drm_vgem_fence_attach)
#define DRM_IOCTL_VGEM_FENCE_SIGNAL \
	DRM_IOW(DRM_COMMAND_BASE + 2, struct drm_vgem_fence_signal)
#endif

#endif /* TESTS_VGEM_UAPI_H */
