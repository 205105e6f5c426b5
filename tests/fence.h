/* SPDX-License-Identifier: MIT */
/* Fences as tests see them: a device that has some, sync files, and poll. */
#ifndef TESTS_FENCE_H
#define TESTS_FENCE_H

#include <linux/sync_file.h>
#include <poll.h>

#include "uapi.h"
#include "vgem.h"

/* A device that has imported a dma-buf. */
struct device {
	int vgem;
	uint32_t handle;
};

static inline struct device new_device(int dmabuf)
{
	struct device device = { .vgem = open_vgem() };

	device.handle = import_dmabuf(device.vgem, dmabuf);
	return device;
}

/* It begins to read the buffer, or to write to it; for done(). */
static inline uint32_t reads(struct device *device)
{
	return attach_fence(device->vgem, device->handle, 0);
}

static inline uint32_t writes(struct device *device)
{
	return attach_fence(device->vgem, device->handle, VGEM_FENCE_WRITE);
}

static inline void done(struct device *device, uint32_t fence)
{
	signal_fence(device->vgem, fence);
}

/* The fences of a dma-buf as a sync file; -1 and errno. */
static inline int export_fences(int dmabuf, uint32_t flags)
{
	struct dma_buf_export_sync_file arg = { .flags = flags, .fd = -1 };

	return ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg) ? -1 : arg.fd;
}

static inline int import_fences(int dmabuf, uint32_t flags, int sync_file)
{
	struct dma_buf_import_sync_file arg = { .flags = flags, .fd = sync_file };

	return ioctl(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &arg);
}

/* What poll says at once, or within some ms. */
static inline short polled(int fd, short events, int ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	ASSERT(poll(&poll_fd, 1, ms) >= 0);
	return poll_fd.revents;
}

static inline bool is_pending(int sync_file)
{
	return !polled(sync_file, POLLIN, 0);
}

/* 0 while one of them is pending, 1 when all are done, -errno where one failed. */
static inline int status_of(int sync_file)
{
	struct sync_file_info info = { .num_fences = 0 };

	ASSERT_EQ(ioctl(sync_file, SYNC_IOC_FILE_INFO, &info), 0);
	return info.status;
}

#endif /* TESTS_FENCE_H */
