// SPDX-License-Identifier: MIT
/*
 * Views: whatever the one who was handed one tries, not a byte of the data
 * changes. Each test is one attack, with its errno.
 */
#include <linux/io_uring.h>
#include <linux/loop.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <xf86drm.h>

#include "uapi.h"

#define SIZE	(4 * MIB)

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 7 + i / 4096);
}

/* The owner's side. */
static int dmabuf;
static const uint8_t *truth;

/* A buffer with known contents, and a view of it. */
static int new_view(void)
{
	uint8_t *data;
	size_t i;

	dmabuf = create(SIZE);
	data = map_data(dmabuf, SIZE);
	for (i = 0; i < SIZE; i++)
		data[i] = pattern(i);
	truth = data;
	return export_view(dmabuf);
}

static void nothing_changed(void)
{
	size_t i;

	for (i = 0; i < SIZE; i++)
		if (truth[i] != pattern(i))
			FAIL("byte %zu has changed", i);
}

static void *map_view(int view)
{
	void *data = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, view, 0);

	ASSERT(data != MAP_FAILED);
	return data;
}

TEST(it_shows_the_same_pages)
{
	int view = new_view();
	const uint8_t *seen = map_view(view);

	ASSERT_EQ(memcmp(seen, truth, SIZE), 0);
	((uint8_t *)(uintptr_t)truth)[SIZE - 1] ^= 0xff;
	ASSERT_EQ(seen[SIZE - 1], truth[SIZE - 1]);
}

TEST(export_takes_what_the_header_says)
{
	struct dmashm_export arg = { .fd = -1 };
	int device = open_device(), view = new_view(), again;

	ASSERT(export_dmabuf(dmabuf, O_RDWR) >= 0);
	ASSERT_ERRNO(export_dmabuf(dmabuf, O_WRONLY), EINVAL);
	ASSERT_ERRNO(export_dmabuf(dmabuf, O_RDWR | O_CLOEXEC), EINVAL);
	ASSERT_ERRNO(export_dmabuf(-1, O_RDONLY), EBADF);
	ASSERT_ERRNO(export_dmabuf(device, O_RDONLY), EINVAL);
	arg.dmabuf_fd = dmabuf;
	arg.pad = 1;
	ASSERT_ERRNO(ioctl(device, DMASHM_IOC_EXPORT, &arg), EINVAL);
	/* By a view, only views. */
	ASSERT_ERRNO(export_dmabuf(view, O_RDWR), EACCES);
	again = export_view(view);
	ASSERT_ERRNO((long)mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, again, 0), EACCES);
}

TEST(export_by_a_member_is_of_its_buffer)
{
	struct dmashm_export arg = { .dmabuf_fd = -1, .fd = -1 };
	int member;

	new_view();
	member = join(dmabuf);
	ASSERT_EQ(ioctl(member, DMASHM_IOC_EXPORT, &arg), 0);
	ASSERT_EQ(memcmp(map_view(arg.fd), truth, SIZE), 0);
	arg.dmabuf_fd = create(1);
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_EXPORT, &arg), EXDEV);
}

TEST(mmap_for_writing)
{
	int view = new_view();

	ASSERT_ERRNO((long)mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, view, 0), EACCES);
	ASSERT_ERRNO((long)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				view, 0), EACCES);
	ASSERT_ERRNO((long)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
				view, 0), EINVAL);
	nothing_changed();
}

TEST(mprotect_for_writing)
{
	uint8_t *data = map_view(new_view());

	ASSERT_ERRNO(mprotect(data, SIZE, PROT_READ | PROT_WRITE), EACCES);
	ASSERT_ERRNO(mprotect(data, page_size(), PROT_WRITE), EACCES);
	nothing_changed();
}

TEST(mprotect_after_mremap_and_fork)
{
	uint8_t *data = map_view(new_view()), *moved;
	pid_t pid;

	moved = mremap(data, SIZE, SIZE / 2, MREMAP_MAYMOVE);
	ASSERT(moved != MAP_FAILED);
	ASSERT_ERRNO(mprotect(moved, SIZE / 2, PROT_WRITE), EACCES);
	pid = start_child();
	if (!pid) {
		ASSERT_ERRNO(mprotect(moved, SIZE / 2, PROT_WRITE), EACCES);
		_exit(0);
	}
	wait_child(pid);
	nothing_changed();
}

TEST(reopening_through_proc)
{
	int view = new_view();
	char path[64];

	map_view(view);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", view);
	ASSERT_ERRNO(open(path, O_RDWR), ENXIO);
	ASSERT_ERRNO(open(path, O_RDONLY), ENXIO);
	ASSERT_ERRNO(open(path, O_RDWR | O_TRUNC), ENXIO);
	nothing_changed();
}

TEST(fcntl_and_fchmod)
{
	int view = new_view();
	char path[64];

	/* Says 0, as fcntl(2) has it, and changes nothing. */
	ASSERT_EQ(fcntl(view, F_SETFL, O_RDWR), 0);
	ASSERT_EQ(fcntl(view, F_GETFL) & O_ACCMODE, O_RDONLY);
	/* What the mode says is of no use: there is no way to open it. */
	(void)fchmod(view, 0777);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", view);
	ASSERT_ERRNO(open(path, O_RDWR), ENXIO);
	ASSERT_ERRNO((long)mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, view, 0), EACCES);
	nothing_changed();
}

TEST(writing_and_truncating_the_fd)
{
	int view = new_view();

	ASSERT_ERRNO(write(view, "x", 1), EBADF);
	ASSERT_ERRNO(pwrite(view, "x", 1, 0), ESPIPE);
	ASSERT_ERRNO(ftruncate(view, 0), EINVAL);
	ASSERT_ERRNO(fallocate(view, 0, 0, 4096), EBADF);
	nothing_changed();
}

TEST(madvise_that_would_discard)
{
	uint8_t *data = map_view(new_view());

	ASSERT_ERRNO(madvise(data, SIZE, MADV_REMOVE), EACCES);
	ASSERT_ERRNO(madvise(data, SIZE, MADV_FREE), EINVAL);
	ASSERT_EQ(madvise(data, SIZE, MADV_DONTNEED), 0);
	nothing_changed();
}

/* All the ways by which a process's memory is written to. */
TEST(process_vm_writev_to_oneself)
{
	uint8_t *data = map_view(new_view());
	struct iovec from = { (char[]){ "attack" }, 6 }, to = { data, 6 };

	ASSERT_ERRNO(process_vm_writev(getpid(), &from, 1, &to, 1, 0), EFAULT);
	nothing_changed();
}

TEST(proc_self_mem)
{
	uint8_t *data = map_view(new_view());
	int mem = open("/proc/self/mem", O_RDWR);

	ASSERT(mem >= 0);
	ASSERT_ERRNO(pwrite(mem, "attack", 6, (off_t)(uintptr_t)data), EIO);
	nothing_changed();
}

TEST(ptrace_poke)
{
	uint8_t *data = map_view(new_view());
	pid_t pid = start_child();

	if (!pid) {
		pause();
		_exit(0);
	}
	ASSERT_EQ(ptrace(PTRACE_ATTACH, pid, 0, 0), 0);
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	ASSERT_ERRNO(ptrace(PTRACE_POKEDATA, pid, data, 0), EIO);
	ASSERT_EQ(ptrace(PTRACE_DETACH, pid, 0, 0), 0);
	kill_child(pid);
	nothing_changed();
}

TEST(read_into_it)
{
	uint8_t *data = map_view(new_view());
	int zero = open("/dev/zero", O_RDONLY);

	ASSERT_ERRNO(read(zero, data, 4096), EFAULT);
	nothing_changed();
}

/* A block device over a file in memory, opened for direct I/O. */
static int open_loop(void)
{
	int control, file, loop, n;
	char path[32];

	ASSERT(load_module("loop"));
	control = open("/dev/loop-control", O_RDWR);
	ASSERT(control >= 0);
	n = ioctl(control, LOOP_CTL_GET_FREE);
	ASSERT(n >= 0);
	snprintf(path, sizeof(path), "/dev/loop%d", n);
	file = open("/tmp/dmashm_test_view", O_RDWR | O_CREAT, 0600);
	ASSERT(file >= 0);
	ASSERT_EQ(unlink("/tmp/dmashm_test_view"), 0);
	ASSERT_EQ(ftruncate(file, SIZE), 0);
	loop = open(path, O_RDWR | O_DIRECT);
	ASSERT(loop >= 0);
	ASSERT_EQ(ioctl(loop, LOOP_SET_FD, file), 0);
	close(file);
	return loop;
}

TEST(direct_io_into_it)
{
	uint8_t *data = map_view(new_view());
	int loop = open_loop();

	ASSERT_ERRNO(read(loop, data, 65536), EFAULT);
	/* Out of it is another matter. */
	ASSERT_EQ(write(loop, data, 65536), 65536);
	ASSERT_EQ(ioctl(loop, LOOP_CLR_FD), 0);
	nothing_changed();
}

/* Registered buffers are pinned to be written to. */
TEST(io_uring_registration)
{
	struct iovec iov = { map_view(new_view()), SIZE };
	struct io_uring_params params = { 0 };
	long ring = syscall(SYS_io_uring_setup, 2, &params), ret;

	ASSERT(ring >= 0);
	errno = 0;
	ret = syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1);
	ASSERT_EQ(ret, -1);
	/* Kernels before 6.7 or so take no file's pages at all. */
	ASSERT(errno == EFAULT || errno == EOPNOTSUPP);
	nothing_changed();
}

/* What a pipe holds cannot be written through the pipe. */
TEST(vmsplice_and_write)
{
	uint8_t *data = map_view(new_view());
	struct iovec iov = { data, 10 };
	int fds[2];

	ASSERT_EQ(pipe(fds), 0);
	ASSERT_EQ(vmsplice(fds[1], &iov, 1, SPLICE_F_GIFT), 10);
	ASSERT_EQ(write(fds[1], "attack", 6), 6);
	nothing_changed();
}

TEST(device_that_would_write)
{
	int view = new_view(), importer = open_importer(view);

	ASSERT_ERRNO(map_for_device(importer, IMPORTER_BIDIRECTIONAL), EACCES);
	ASSERT_ERRNO(map_for_device(importer, IMPORTER_FROM_DEVICE), EACCES);
	ASSERT_EQ(map_for_device(importer, IMPORTER_TO_DEVICE), 0);
	nothing_changed();
}

TEST(kernel_that_would_write)
{
	int importer = open_importer(new_view());

	ASSERT_ERRNO(ioctl(importer, IMPORTER_IOC_VMAP), EINVAL);
}

/* The importer's file may be written to; the view may not all the same. */
TEST(mmap_through_an_importer)
{
	int importer = open_importer(new_view());
	uint8_t *data;

	ASSERT_ERRNO((long)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				importer, 0), EACCES);
	data = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, importer, 0);
	ASSERT(data != MAP_FAILED);
	ASSERT_EQ(memcmp(data, truth, SIZE), 0);
	ASSERT_ERRNO(mprotect(data, SIZE, PROT_READ | PROT_WRITE), EACCES);
	nothing_changed();
}

/* The importer does so with one that may be written to. */
TEST(mmap_through_an_importer_works_where_it_may)
{
	int importer;
	uint8_t *data;

	new_view();
	importer = open_importer(dmabuf);
	data = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, importer, 0);
	ASSERT(data != MAP_FAILED);
	data[1] = 77;
	ASSERT_EQ(truth[1], 77);
	ASSERT_EQ(ioctl(importer, IMPORTER_IOC_VMAP), 0);
	ASSERT_EQ(map_for_device(importer, IMPORTER_BIDIRECTIONAL), 0);
}

/* DRM maps what it imports in both directions, so it cannot import a view. */
TEST(drm_import_and_export)
{
	int view = new_view(), vgem;
	uint32_t handle;

	ASSERT(load_module("vgem"));
	vgem = drmOpen("vgem", NULL);
	ASSERT(vgem >= 0);
	ASSERT_ERRNO(drmPrimeFDToHandle(vgem, view, &handle), EACCES);
	nothing_changed();
}

TEST(sync_as_if_it_had_written)
{
	int view = new_view();

	ASSERT_ERRNO(sync_data(view, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW), EACCES);
	ASSERT_ERRNO(sync_data(view, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW), EACCES);
	ASSERT_ERRNO(sync_data(view, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE), EACCES);
	ASSERT_ERRNO(sync_data(view, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE), EACCES);
	ASSERT_EQ(sync_data(view, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), 0);
	ASSERT_EQ(sync_data(view, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ), 0);
}

/* To synchronise is to write, so nobody may be writing meanwhile. */
TEST(sync_waits_for_those_who_write)
{
	uint32_t direction = IMPORTER_TO_DEVICE;
	int view = new_view(), member = join(dmabuf);
	int importer = open_importer(dmabuf), status;
	pid_t pid;

	ASSERT_EQ(ioctl(importer, IMPORTER_IOC_MAP, &direction), 0);
	ASSERT_EQ(try_lock(member), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(sync_data(view, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), 0);
		_exit(0);
	}
	sleep_ms(300);
	ASSERT_EQ(waitpid(pid, &status, WNOHANG), 0);
	ASSERT_EQ(unlock(member), 0);
	wait_child(pid);
	ASSERT_EQ(try_lock(member), 0);
}

/* Who joined by the view, and holds its lease, need not wait for itself. */
TEST(sync_in_a_lease)
{
	uint32_t direction = IMPORTER_TO_DEVICE;
	int view = new_view(), viewer = join(view);
	int importer = open_importer(dmabuf);

	ASSERT_EQ(ioctl(importer, IMPORTER_IOC_MAP, &direction), 0);
	ASSERT_EQ(try_lock_shared(viewer), 0);
	ASSERT_EQ(sync_data(view, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), 0);
	ASSERT_EQ(sync_data(view, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ), 0);
	ASSERT_EQ(unlock_shared(viewer), 0);
}

TEST(info_tells)
{
	struct dmashm_info info = { .dmabuf_fd = new_view() };
	int device = open_device();

	ASSERT_EQ(ioctl(device, DMASHM_IOC_INFO, &info), 0);
	ASSERT_EQ(info.flags, DMASHM_INFO_RDONLY);
	ASSERT_EQ(info.size, SIZE);
	info = (struct dmashm_info){ .dmabuf_fd = dmabuf };
	ASSERT_EQ(ioctl(device, DMASHM_IOC_INFO, &info), 0);
	ASSERT_EQ(info.flags, 0);
}
