// SPDX-License-Identifier: MIT
/*
 * What the tests of 32 bits call of libdrm, which Debian's tree has for 64 bits
 * only: the ioctls as linux/drm.h has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <xf86drm.h>

int drmIoctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret == -1 && (errno == EINTR || errno == EAGAIN));
	return ret;
}

/* The first device of that driver's, by what the kernel says of it. */
int drmOpen(const char *name, const char *busid)
{
	int n;

	(void)busid;
	for (n = 0; n < 16; n++) {
		char path[32], found[32] = "";
		struct drm_version version = {
			.name = found, .name_len = sizeof(found) - 1,
		};
		int fd;

		snprintf(path, sizeof(path), "/dev/dri/card%d", n);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!drmIoctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(found, name))
			return fd;
		close(fd);
	}
	return -1;
}

int drmPrimeHandleToFD(int fd, uint32_t handle, uint32_t flags, int *prime_fd)
{
	struct drm_prime_handle arg = {
		.handle = handle, .flags = flags, .fd = -1,
	};

	if (drmIoctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg))
		return -1;
	*prime_fd = arg.fd;
	return 0;
}

int drmPrimeFDToHandle(int fd, int prime_fd, uint32_t *handle)
{
	struct drm_prime_handle arg = { .fd = prime_fd };

	if (drmIoctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg))
		return -1;
	*handle = arg.handle;
	return 0;
}

int drmCloseBufferHandle(int fd, uint32_t handle)
{
	struct drm_gem_close arg = { .handle = handle };

	return drmIoctl(fd, DRM_IOCTL_GEM_CLOSE, &arg);
}
