// SPDX-License-Identifier: MIT
#include "vgem.h"

#include <drm.h>
#include <drm_mode.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "die.h"

static int card;

bool vgem_open(void)
{
	if (!card)
		card = open(VGEM_CARD, O_RDWR | O_CLOEXEC);
	return card >= 0;
}

static void drop(uint32_t handle)
{
	struct drm_gem_close arg = { .handle = handle };

	if (ioctl(card, DRM_IOCTL_GEM_CLOSE, &arg) < 0)
		die("a handle of " VGEM_CARD " could not be closed");
}

int vgem_create(size_t size)
{
	struct drm_mode_create_dumb dumb = {
		.width = 1024,
		.height = (uint32_t)(size / 4096),
		.bpp = 32,
	};
	struct drm_prime_handle prime = { .flags = DRM_RDWR | DRM_CLOEXEC };
	int err;

	if (!vgem_open() || ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &dumb) < 0)
		return -1;
	prime.handle = dumb.handle;
	err = ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	/* The fd keeps it. */
	drop(dumb.handle);
	return err < 0 ? -1 : prime.fd;
}

void vgem_import(int dmabuf)
{
	struct drm_prime_handle prime = { .fd = dmabuf };

	if (ioctl(card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime) < 0)
		die("the import into " VGEM_CARD " failed: %s", strerror(errno));
	drop(prime.handle);
}
