// SPDX-License-Identifier: MIT
/* Devices that import buffers, the kernel as a party in the barrier, the heap. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/dma-heap.h>
#include <linux/dmashm.h>

#include "../kernel/dmashm_importer.h"
#include "../kernel/dmashm_tester.h"
#include "../vgem_uapi.h"
#include "argument.h"
#include "call.h"
#include "grammar.h"
#include "mapping.h"
#include "object.h"
#include "worker.h"

/* One that there is, or a new one of the device at @path. */
static struct object *open_one(enum kind kind, const char *path)
{
	struct object *object = object_of(kind);
	int fd;

	if (object && percent(80))
		return object;
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? NULL : object_add(fd, kind);
}

/*
 * An importer, which does what it is told
 */

static long run_import(const struct call *call)
{
	struct object *importer = open_one(KIND_IMPORTER, IMPORTER_DEVICE);
	struct object *object = percent(50) ? object_pick_view(KIND_DMABUF) : object_pick(KIND_DMABUF);
	uint32_t direction = below(4), value = direction;
	long result;

	(void)call;
	if (!importer)
		return CALL_NOTHING;
	switch (below(5)) {
	case 0:
	case 1:
		note(" attach %s %d", kind_name(object->kind), object->fd);
		result = call_result(ioctl(importer->fd, IMPORTER_IOC_OPEN, &object->fd));
		if (!result)
			importer->view = object->kind == KIND_DMABUF && object->view;
		return result;
	case 2:
		note(" map %u", direction);
		result = call_result(ioctl(importer->fd, IMPORTER_IOC_MAP, &value));
		if (!result && importer->view && direction != IMPORTER_TO_DEVICE)
			fail("a device maps a view to write");
		return result;
	case 3:
		return call_result(ioctl(importer->fd, IMPORTER_IOC_UNMAP));
	default:
		result = call_result(ioctl(importer->fd, IMPORTER_IOC_VMAP));
		if (!result && importer->view)
			fail("the kernel maps a view");
		return result;
	}
}

/*
 * The kernel's own use of the barrier: given back at once, for nobody else would
 */

static long run_kernel(const struct call *call)
{
	struct object *tester = object_of(KIND_TESTER);
	struct object *object = object_of(KIND_DMABUF);
	bool again = percent(50), read = percent(50);
	uint64_t deadline = clock_ns() + below(3000000);
	struct tester_open open = { .pad = 0 };
	long result, ended;

	(void)call;
	if (!tester || !again) {
		tester = open_one(KIND_TESTER, TESTER_DEVICE);
		if (!tester || !object)
			return CALL_NOTHING;
		open.dmabuf_fd = object->fd;
		ioctl(tester->fd, TESTER_IOC_OPEN, &open);
	}
	result = call_result(read ? ioctl(tester->fd, TESTER_IOC_LOCK_SHARED, &deadline) :
				    ioctl(tester->fd, TESTER_IOC_LOCK, &deadline));
	if (result && result != -EOWNERDEAD)
		return result;
	if (!read && percent(30))
		ioctl(tester->fd, TESTER_IOC_RECOVER);
	ended = call_result(read ? ioctl(tester->fd, TESTER_IOC_UNLOCK_SHARED) :
				   ioctl(tester->fd, TESTER_IOC_UNLOCK));
	/* The word is anybody's to overwrite: the kernel is told, and out. */
	if (ended && ended != -EPROTO)
		fail("the kernel's unlock gives %ld", ended);
	return result;
}

/*
 * vgem
 */

static bool is_vgem(int fd)
{
	char name[8] = "";
	struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };

	return !ioctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, "vgem");
}

static struct object *open_vgem(void)
{
	struct object *object = object_of(KIND_VGEM);
	char path[32];
	int card, fd;

	if (object && percent(90))
		return object;
	for (card = 0; card < 4; card++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", card);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && is_vgem(fd))
			return object_add(fd, KIND_VGEM);
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

/* Handles are small numbers, which whoever draws one may hit. */
static uint32_t draw_handle(void)
{
	return percent(90) ? below(4) + 1 : grammar_u32();
}

static long run_vgem(const struct call *call)
{
	struct object *vgem = open_vgem(), *object = object_pick(KIND_DMABUF);
	struct drm_prime_handle prime = { .fd = object->fd, .flags = O_CLOEXEC | O_RDWR };
	struct drm_vgem_fence_attach fence = { .handle = draw_handle(), .flags = below(2) };
	struct drm_vgem_fence_signal signal = { .fence = below(4) + 1 };
	struct drm_gem_close handle = { .handle = draw_handle() };
	long result;

	(void)call;
	if (!vgem)
		return CALL_NOTHING;
	switch (below(6)) {
	case 0:
	case 1:
		note(" import %s %d", kind_name(object->kind), object->fd);
		return call_result(ioctl(vgem->fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime));
	case 2:
		note(" fence on %u", fence.handle);
		return call_result(ioctl(vgem->fd, DRM_IOCTL_VGEM_FENCE_ATTACH, &fence));
	case 3:
		note(" signal %u", signal.fence);
		return call_result(ioctl(vgem->fd, DRM_IOCTL_VGEM_FENCE_SIGNAL, &signal));
	case 4:
		note(" export %u", handle.handle);
		prime.handle = handle.handle;
		result = call_result(ioctl(vgem->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime));
		/* Ours come back as what they were; which, is not known here. */
		if (!result)
			object_add(prime.fd, KIND_FOREIGN);
		return result;
	default:
		note(" close %u", handle.handle);
		return call_result(ioctl(vgem->fd, DRM_IOCTL_GEM_CLOSE, &handle));
	}
}

/* A buffer of its own, exported: a dma-buf that is none of ours. */
static long run_foreign(const struct call *call)
{
	struct drm_mode_create_dumb dumb = { .width = 64, .height = 16, .bpp = 32 };
	struct drm_prime_handle prime = { .flags = O_CLOEXEC | O_RDWR };
	struct object *vgem = open_vgem();

	(void)call;
	if (!vgem)
		return CALL_NOTHING;
	if (ioctl(vgem->fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
		return -errno;
	prime.handle = dumb.handle;
	if (ioctl(vgem->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime))
		return -errno;
	object_add(prime.fd, KIND_FOREIGN);
	return 0;
}

/*
 * Fences that are signalled when somebody says so, on kernels that have sw_sync
 */

struct sw_sync_fence {
	uint32_t value;
	char name[32];
	int32_t fd;
};

#define SW_SYNC_CREATE	_IOWR('W', 0, struct sw_sync_fence)
#define SW_SYNC_INC	_IOW('W', 1, uint32_t)

static long run_timeline(const struct call *call)
{
	struct object *timeline = open_one(KIND_TIMELINE, "/sys/kernel/debug/sync/sw_sync");
	struct sw_sync_fence fence = { .value = below(4), .name = "fuzz" };
	uint32_t more = below(3);

	(void)call;
	if (!timeline)
		return CALL_NOTHING;
	if (percent(40))
		return call_result(ioctl(timeline->fd, SW_SYNC_INC, &more));
	if (ioctl(timeline->fd, SW_SYNC_CREATE, &fence))
		return -errno;
	object_add(fence.fd, KIND_SYNC_FILE);
	return 0;
}

/*
 * The heap
 */

/* What the header has of DMA_HEAP_IOCTL_ALLOC goes for whoever answers it. */
static long run_heap(const struct call *call)
{
	struct object *heap = open_one(KIND_HEAP, DMASHM_HEAP_DEVICE), *object;
	struct dma_heap_allocation_data data = {
		.len = grammar_size(), .fd = percent(97) ? 0 : grammar_u32(),
		.fd_flags = percent(95) ? (O_CLOEXEC | below(3)) : grammar_u32(),
		.heap_flags = percent(97) ? 0 : grammar_u64(),
	};
	unsigned int mode = data.fd_flags & O_ACCMODE;
	size_t size = percent(95) ? sizeof(data) : below(64);
	struct argument argument;
	uint8_t bytes[64] = { 0 };
	long result;

	(void)call;
	if (!heap)
		return CALL_NOTHING;
	memcpy(bytes, &data, sizeof(data));
	argument_put(&argument, bytes, size);
	note(" len %llx flags %x size %zu", (unsigned long long)data.len, data.fd_flags, size);
	result = call_result(ioctl(heap->fd, _IOC(_IOC_READ | _IOC_WRITE, DMA_HEAP_IOC_MAGIC, 0, size),
				   argument.at));
	argument_check(&argument, result ? 0 : size < sizeof(data) ? size : sizeof(data));
	if (result)
		return result;
	memcpy(&data, argument.at, size < sizeof(data) ? size : sizeof(data));
	mapping_check_zeroed((int)data.fd, 0, 0);
	object = object_add((int)data.fd, KIND_DMABUF);
	object->readonly = mode == O_RDONLY;
	return 0;
}

const struct call device_calls[] = {
	{ "importer", 40, CALL_BLOCKS, ERRNO_LIST(EBADFD, EBUSY, EINVAL, EBADF, EACCES, EPERM, ENOMEM, EINTR),
	  run_import, NULL },
	{ "kernel lock", 30, CALL_BLOCKS, ERRNO_LIST(EBADFD, EOWNERDEAD, ETIMEDOUT, EINTR, EUSERS, EBUSY),
	  run_kernel, NULL },
	{ "vgem", 40, CALL_BLOCKS, NULL, run_vgem, NULL },
	{ "foreign dma-buf", 4, 0, NULL, run_foreign, NULL },
	{ "sw_sync", 15, 0, ERRNO_LIST(EMFILE, ENOMEM), run_timeline, NULL },
	{ "heap", 15, 0, ERRNO_LIST(EINVAL, EFAULT, EFBIG, EDQUOT, ENOSPC, ENOMEM, EMFILE, ENFILE, EINTR),
	  run_heap, NULL },
	{ 0 },
};
