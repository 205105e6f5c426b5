// SPDX-License-Identifier: MIT
/*
 * /dev/dma_heap/dmashm: what a program written for dma-heap sees. What both
 * have in common is asked of the kernel's own system heap too, where there is one.
 */
#include <limits.h>

#include <linux/dma-heap.h>

#include "uapi.h"

#define SYSTEM_HEAP	"/dev/dma_heap/system"

static int open_heap(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ASSERT(fd >= 0);
	return fd;
}

static struct dma_heap_allocation_data request(uint64_t len)
{
	return (struct dma_heap_allocation_data){
		.len = len, .fd_flags = O_RDWR | O_CLOEXEC,
	};
}

static int allocate_flags(int heap, size_t len, uint32_t fd_flags)
{
	struct dma_heap_allocation_data arg = request(len);

	arg.fd_flags = fd_flags;
	ASSERT_EQ(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &arg), 0);
	ASSERT_EQ(arg.len, len);
	ASSERT_EQ(arg.fd_flags, fd_flags);
	ASSERT_EQ(arg.heap_flags, 0);
	return (int)arg.fd;
}

static int allocate(size_t len)
{
	int heap = open_heap(DMASHM_HEAP_DEVICE);
	int fd = allocate_flags(heap, len, O_RDWR | O_CLOEXEC);

	close(heap);
	return fd;
}

static void on_each_heap(void (*run)(int heap))
{
	run(open_heap(DMASHM_HEAP_DEVICE));
	if (!access(SYSTEM_HEAP, F_OK))
		run(open_heap(SYSTEM_HEAP));
}

static int open_fds(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void refuse(int heap, struct dma_heap_allocation_data arg, int expected)
{
	int before = open_fds();

	ASSERT_ERRNO(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &arg), expected);
	ASSERT_EQ(open_fds(), before);
}

TEST(the_memory_is_zeroed_and_shared)
{
	size_t size = 3 * MIB, i;
	int fd = allocate(size);
	uint8_t *a = map_data(fd, size), *b = map_data(fd, size);

	for (i = 0; i < size; i++)
		ASSERT_EQ(a[i], 0);
	a[size - 1] = 9;
	ASSERT_EQ(b[size - 1], 9);
	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW), 0);
	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW), 0);
}

TEST(the_size_is_rounded_up)
{
	int fd = allocate(page_size() + 1);

	ASSERT_EQ(lseek(fd, 0, SEEK_END), 2 * page_size());
}

TEST(it_can_be_joined_like_any_other)
{
	int fd = allocate(MIB), member = join(fd);
	struct dmashm_info info = { .dmabuf_fd = -1 };

	ASSERT_EQ(ioctl(member, DMASHM_IOC_INFO, &info), 0);
	ASSERT_EQ(info.size, MIB);
	ASSERT_EQ(strcmp(info.name, "dma-heap"), 0);
	ASSERT_EQ(try_lock(member), 0);
	map_data(fd, MIB)[5] = 6;
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(pread(member, info.name, 1, 5), 1);
	ASSERT_EQ(info.name[0], 6);
}

static void check_flags(int heap)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	static const int cloexec[] = { 0, O_CLOEXEC };
	size_t i, j;

	for (i = 0; i < 3; i++) {
		for (j = 0; j < 2; j++) {
			int fd = allocate_flags(heap, page_size(),
						(uint32_t)(modes[i] | cloexec[j]));

			ASSERT_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, modes[i]);
			ASSERT_EQ(fcntl(fd, F_GETFD), j ? FD_CLOEXEC : 0);
			close(fd);
		}
	}
}

TEST(access_mode_and_close_on_exec_are_those_asked_for)
{
	on_each_heap(check_flags);
}

static void *map_for(int fd, int prot)
{
	return mmap(NULL, page_size(), prot, MAP_SHARED, fd, 0);
}

static void check_rights(int heap)
{
	int r = allocate_flags(heap, page_size(), O_RDONLY);
	int w = allocate_flags(heap, page_size(), O_WRONLY);
	int none = allocate_flags(heap, page_size(), O_ACCMODE);

	ASSERT(map_for(r, PROT_READ) != MAP_FAILED);
	ASSERT_ERRNO((long)map_for(r, PROT_READ | PROT_WRITE), EACCES);
	ASSERT_ERRNO((long)map_for(w, PROT_WRITE), EACCES);
	ASSERT_ERRNO((long)map_for(none, PROT_READ), EACCES);
}

TEST(the_access_mode_is_what_can_be_mapped)
{
	on_each_heap(check_rights);
}

static void check_device(int heap)
{
	int importer = open_importer(allocate_flags(heap, page_size(), O_RDONLY));

	ASSERT_EQ(map_for_device(importer, IMPORTER_FROM_DEVICE), 0);
	ASSERT_EQ(map_for_device(importer, IMPORTER_BIDIRECTIONAL), 0);
}

/* A camera fills what the CPU only reads. */
TEST(the_access_mode_is_for_the_cpu_alone)
{
	on_each_heap(check_device);
}

TEST(who_may_not_write_cannot_join)
{
	struct dmashm_join arg = { .fd = -1 };
	int heap = open_heap(DMASHM_HEAP_DEVICE), device = open_device();

	arg.dmabuf_fd = allocate_flags(heap, page_size(), O_WRONLY);
	ASSERT_ERRNO(ioctl(device, DMASHM_IOC_JOIN, &arg), EACCES);
}

static void check_requests(int heap)
{
	struct dma_heap_allocation_data arg;
	uint32_t bit;

	refuse(heap, request(0), EINVAL);
	refuse(heap, request(UINT64_MAX), EINVAL);	/* 0 when rounded up */
	arg = request(1);
	arg.fd = 1;
	refuse(heap, arg, EINVAL);
	arg.fd = (uint32_t)-1;
	refuse(heap, arg, EINVAL);
	for (bit = 0; bit < 32; bit++) {
		arg = request(1);
		if ((O_CLOEXEC | O_ACCMODE) & (1u << bit))
			continue;
		arg.fd_flags |= 1u << bit;
		refuse(heap, arg, EINVAL);
	}
	for (bit = 0; bit < 64; bit++) {
		arg = request(1);
		arg.heap_flags = 1ull << bit;
		refuse(heap, arg, EINVAL);
	}
}

TEST(bad_requests_are_einval)
{
	on_each_heap(check_requests);
}

static void check_commands(int heap)
{
	struct dma_heap_allocation_data arg = request(1);

	/* Where others say ENOTTY, dma-heap says this. */
	ASSERT_ERRNO(ioctl(heap, _IOWR(DMA_HEAP_IOC_MAGIC, 1,
				       struct dma_heap_allocation_data), &arg), EINVAL);
	ASSERT_ERRNO(ioctl(heap, _IO(DMA_HEAP_IOC_MAGIC, 0), &arg), EINVAL);
	ASSERT_ERRNO(ioctl(heap, 0x5401 /* TCGETS */, &arg), EINVAL);
	ASSERT_EQ(arg.fd, 0);
	ASSERT_ERRNO(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, (void *)8), EFAULT);
	ASSERT_ERRNO(lseek(heap, 0, SEEK_SET), ESPIPE);
}

TEST(other_commands_are_einval)
{
	on_each_heap(check_commands);
}

/* What can be read but not written: the fd that was made is gone again. */
static void check_read_only_argument(int heap)
{
	struct dma_heap_allocation_data *arg = mmap(NULL, page_size(),
						    PROT_READ | PROT_WRITE,
						    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int before = open_fds();

	*arg = request(1);
	ASSERT_EQ(mprotect(arg, page_size(), PROT_READ), 0);
	ASSERT_ERRNO(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, arg), EFAULT);
	ASSERT_EQ(open_fds(), before);
}

TEST(no_fd_is_left_where_it_cannot_be_told)
{
	/* dma-heap's core leaves one: only a heap of our own does better. */
	if (!access("/sys/class/dma_heap/dmashm", F_OK))
		SKIP("the kernel's core answers for this heap");
	check_read_only_argument(open_heap(DMASHM_HEAP_DEVICE));
}

struct longer {
	struct dma_heap_allocation_data known;
	uint64_t unknown[4];
};

static void check_sizes(int heap)
{
	struct { uint64_t len; uint32_t fd, fd_flags; } older = {
		.len = MIB, .fd_flags = O_RDWR,
	};
	struct longer newer = { request(MIB), { 1, 2, 3, UINT64_MAX } };

	ASSERT_EQ(ioctl(heap, _IOWR(DMA_HEAP_IOC_MAGIC, 0, older), &older), 0);
	ASSERT_EQ(lseek((int)older.fd, 0, SEEK_END), MIB);
	ASSERT_EQ(ioctl(heap, _IOWR(DMA_HEAP_IOC_MAGIC, 0, newer), &newer), 0);
	ASSERT_EQ(lseek((int)newer.known.fd, 0, SEEK_END), MIB);
	ASSERT_EQ(newer.unknown[3], UINT64_MAX);
}

TEST(older_and_newer_structs_do)
{
	on_each_heap(check_sizes);
}

/* Its fd would have nowhere to go. */
TEST(a_struct_without_room_for_the_fd_is_einval)
{
	uint64_t len = 1;
	int before, heap = open_heap(DMASHM_HEAP_DEVICE);

	if (!access("/sys/class/dma_heap/dmashm", F_OK))
		SKIP("the kernel's core answers for this heap");
	before = open_fds();
	ASSERT_ERRNO(ioctl(heap, _IOWR(DMA_HEAP_IOC_MAGIC, 0, uint64_t), &len), EINVAL);
	ASSERT_EQ(open_fds(), before);
}

static size_t max_buffer(void)
{
	FILE *file = fopen("/sys/module/dmashm/parameters/max_buffer_mib", "r");
	size_t mib;

	ASSERT(file);
	ASSERT_EQ(fscanf(file, "%zu", &mib), 1);
	fclose(file);
	return mib * MIB;
}

TEST(the_limits_are_those_of_other_buffers)
{
	int heap = open_heap(DMASHM_HEAP_DEVICE);

	refuse(heap, request(max_buffer() + 1), EFBIG);
	refuse(heap, request(UINT64_MAX - page_size()), EFBIG);
}

TEST(without_a_free_fd_it_is_emfile)
{
	int heap = open_heap(DMASHM_HEAP_DEVICE), last = 0, fd;

	while ((fd = dup(heap)) >= 0)
		last = fd;
	refuse(heap, request(1), EMFILE);
	close(last);
	ASSERT_EQ(allocate_flags(heap, 1, O_RDWR), last);
}

TEST(only_root_may_open_it)
{
	pid_t pid = start_child();

	if (!pid) {
		ASSERT_EQ(setuid(1000), 0);
		ASSERT_ERRNO(open(DMASHM_HEAP_DEVICE, O_RDONLY), EACCES);
		_exit(0);
	}
	wait_child(pid);
}

TEST(a_receiver_needs_no_right_on_any_device)
{
	int pair[2], fd, member;
	pid_t pid;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(setuid(1000), 0);
		receive_fds(pair[1], &fd, &member);
		member = join_by(member, NULL);
		ASSERT_EQ(try_lock(member), 0);
		map_data(fd, MIB)[1] = 7;
		ASSERT_EQ(unlock(member), 0);
		_exit(0);
	}
	fd = allocate(MIB);
	send_fds(pair[0], fd, join(fd));
	wait_child(pid);
	ASSERT_EQ(map_data(fd, MIB)[1], 7);
}

TEST(many_rounds_leave_nothing_behind)
{
	int round, before = open_fds();

	for (round = 0; round < ktap_rounds(1000); round++) {
		size_t size = (size_t)(round % 7 + 1) * 300 * 1024;
		int fd = allocate(size);
		uint8_t *data = map_data(fd, size);

		data[size - 1] = 1;
		munmap(data, size);
		close(fd);
	}
	ASSERT_EQ(open_fds(), before);
}
