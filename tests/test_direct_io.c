// SPDX-License-Identifier: MIT
/*
 * The mapping is ordinary memory to those who take the pages themselves: a
 * disk that reads into it by DMA, io_uring, another process; and who holds a
 * page keeps it when the buffer is gone.
 */
#include <liburing.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <xf86drm.h>

#include <linux/dma-heap.h>

#include "memory.h"
#include "scratch.h"

#define SECTOR	((size_t)512)

static void fill(uint8_t *data, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 7 + i / 4096 * 13 + seed);
}

static void *ordinary(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	ASSERT(memory != MAP_FAILED);
	return memory;
}

/* A pattern on the disk, written from ordinary memory; it is returned. */
static uint8_t *fill_disk(int disk, size_t size, unsigned int seed)
{
	uint8_t *pattern = ordinary(size);

	fill(pattern, size, seed);
	ASSERT_EQ(pwrite(disk, pattern, size, 0), size);
	return pattern;
}

TEST(a_disk_reads_into_the_mapping)
{
	/* From a sector to several folios of 2 MiB, whole and not. */
	static const struct { size_t at, len; } ranges[] = {
		{ 0, SECTOR }, { 4096 - SECTOR, 2 * SECTOR }, { 4096, 4096 },
		{ 65536 - 4096, 2 * 4096 }, { 2 * MIB - 4096, 8192 },
		{ SECTOR, 5 * MIB }, { 0, 6 * MIB + 3 * 4096 },
	};
	size_t size = 6 * MIB + 3 * 4096, i;
	int disk = open_scratch(O_RDWR | O_DIRECT);
	uint8_t *pattern = fill_disk(disk, size, 1), *got = malloc(size);

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		size_t at = ranges[i].at, len = ranges[i].len;
		int fd = create(size), member = join(fd);
		uint8_t *data = map_data(fd, size);

		ASSERT_EQ(pread(disk, data + at, len, (off_t)at), len);
		ASSERT_EQ(memcmp(data + at, pattern + at, len), 0);
		/* Neither more nor elsewhere, as the kernel sees it too. */
		memset(data + at, 0, len);
		ASSERT_EQ(pread(member, got, size, 0), size);
		ASSERT(!got[0] && !memcmp(got, got + 1, size - 1));
		munmap(data, size);
		close(member);
		close(fd);
	}
}

TEST(a_disk_writes_from_the_mapping)
{
	size_t size = 5 * MIB;
	int disk = open_scratch(O_RDWR | O_DIRECT), fd = create(size);
	uint8_t *data = map_data(fd, size), *got = ordinary(size);

	fill(data, size, 2);
	ASSERT_EQ(pwrite(disk, data, size, 0), size);
	ASSERT_EQ(pread(disk, got, size, 0), size);
	ASSERT_EQ(memcmp(got, data, size), 0);
	fill(data, size, 3);
	ASSERT_EQ(pwrite(disk, data + 4096 + SECTOR, 3 * SECTOR, SECTOR), 3 * SECTOR);
	ASSERT_EQ(pread(disk, got, 4096, 0), 4096);
	ASSERT_EQ(memcmp(got + SECTOR, data + 4096 + SECTOR, 3 * SECTOR), 0);
}

TEST(a_disk_reads_into_pieces_of_two_buffers)
{
	int disk = open_scratch(O_RDWR | O_DIRECT);
	uint8_t *pattern = fill_disk(disk, 24576, 4);
	uint8_t *a = map_data(create(MIB), MIB), *b = map_data(create(MIB), MIB);
	struct iovec iov[] = {
		{ a + 8192, 4096 }, { b + 65536 - 4096, 12288 }, { a, 8192 },
	};

	ASSERT_EQ(preadv(disk, iov, 3, 0), 24576);
	ASSERT_EQ(memcmp(a + 8192, pattern, 4096), 0);
	ASSERT_EQ(memcmp(b + 65536 - 4096, pattern + 4096, 12288), 0);
	ASSERT_EQ(memcmp(a, pattern + 16384, 8192), 0);
}

TEST(a_disk_cannot_read_into_a_mapping_for_reading)
{
	int disk = open_scratch(O_RDWR | O_DIRECT), fd = create(MIB);
	void *data = mmap(NULL, MIB, PROT_READ, MAP_SHARED, fd, 0);

	ASSERT(data != MAP_FAILED);
	ASSERT_ERRNO(pread(disk, data, 4096, 0), EFAULT);
	ASSERT_EQ(pwrite(disk, data, 4096, 0), 4096);
}

/*
 * What other exporters give is not: this is why one reads through a copy there.
 */
static void no_direct_io_into(int disk, void *data)
{
	struct iovec iov = { data, 4096 };
	int ends[2];

	ASSERT(data != MAP_FAILED);
	*(volatile char *)data = 1;
	ASSERT_ERRNO(pread(disk, data, 4096, 0), EFAULT);
	ASSERT_ERRNO(pwrite(disk, data, 4096, 0), EFAULT);
	ASSERT_EQ(pipe(ends), 0);
	ASSERT_ERRNO(vmsplice(ends[1], &iov, 1, 0), EFAULT);
}

TEST(the_system_heap_gives_efault)
{
	struct dma_heap_allocation_data arg = { .len = MIB, .fd_flags = O_RDWR };
	int disk = open_scratch(O_RDWR | O_DIRECT);
	int heap = open("/dev/dma_heap/system", O_RDONLY);

	if (heap < 0)
		SKIP("this kernel has no system heap");
	ASSERT_EQ(ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &arg), 0);
	no_direct_io_into(disk, mmap(NULL, MIB, PROT_READ | PROT_WRITE,
				     MAP_SHARED, (int)arg.fd, 0));
}

TEST(vgem_gives_efault)
{
	struct drm_mode_create_dumb dumb = { .width = 512, .height = 512, .bpp = 32 };
	int disk = open_scratch(O_RDWR | O_DIRECT), vgem, fd;

	if (!load_module("vgem"))
		SKIP("this kernel has no vgem");
	vgem = drmOpen("vgem", NULL);
	ASSERT(vgem >= 0);
	ASSERT_EQ(drmIoctl(vgem, DRM_IOCTL_MODE_CREATE_DUMB, &dumb), 0);
	ASSERT_EQ(drmPrimeHandleToFD(vgem, dumb.handle, DRM_CLOEXEC | DRM_RDWR, &fd), 0);
	no_direct_io_into(disk, mmap(NULL, MIB, PROT_READ | PROT_WRITE,
				     MAP_SHARED, fd, 0));
}

TEST(another_process_copies_in_and_out)
{
	size_t size = 3 * MIB;
	uint8_t *data = map_data(create(size), size), *copy;
	struct iovec local, remote = { data, size };
	pid_t parent = getpid(), pid;

	fill(data, size, 5);
	pid = start_child();
	if (!pid) {
		copy = ordinary(size);
		local = (struct iovec){ copy, size };
		ASSERT_EQ(process_vm_readv(parent, &local, 1, &remote, 1, 0), size);
		ASSERT_EQ(memcmp(copy, data, size), 0);
		fill(copy, size, 6);
		ASSERT_EQ(process_vm_writev(parent, &local, 1, &remote, 1, 0), size);
		_exit(0);
	}
	wait_child(pid);
	copy = ordinary(size);
	fill(copy, size, 6);
	ASSERT_EQ(memcmp(copy, data, size), 0);
}

/*
 * io_uring
 */

static void start_ring(struct io_uring *ring)
{
	ASSERT_EQ(io_uring_queue_init(64, ring, 0), 0);
}

/* Wait for one completion with this result. */
static void complete(struct io_uring *ring, long result)
{
	struct io_uring_cqe *cqe;

	ASSERT_EQ(io_uring_wait_cqe(ring, &cqe), 0);
	ASSERT_EQ(cqe->res, result);
	io_uring_cqe_seen(ring, cqe);
}

static void submit(struct io_uring *ring, int n)
{
	ASSERT_EQ(io_uring_submit(ring), n);
}

static int register_memory(struct io_uring *ring, void *data, size_t size)
{
	struct iovec iov = { data, size };

	return io_uring_register_buffers(ring, &iov, 1);
}

/*
 * Whether this kernel's io_uring registers mappings of files at all: asked by
 * one that has nothing to do with us. Older ones refuse any but shmem's.
 */
static int register_any_file(void)
{
	struct io_uring ring;
	void *memory;
	int fd, ret;

	start_ring(&ring);
	mkdir("/tmp/ramfs", 0700);
	ASSERT_EQ(mount("ramfs", "/tmp/ramfs", "ramfs", 0, NULL), 0);
	fd = open("/tmp/ramfs/file", O_RDWR | O_CREAT, 0600);
	ASSERT(fd >= 0);
	ASSERT_EQ(ftruncate(fd, 65536), 0);
	memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT(memory != MAP_FAILED);
	ret = register_memory(&ring, memory, 65536);
	io_uring_queue_exit(&ring);
	munmap(memory, 65536);
	close(fd);
	ASSERT_EQ(umount2("/tmp/ramfs", MNT_DETACH), 0);
	return ret;
}

/* False where the kernel does not do that; then it must have said so. */
static int register_data(struct io_uring *ring, void *data, size_t size)
{
	int ret = register_memory(ring, data, size), any = register_any_file();

	/* Newer ones have other reasons to refuse that one, but not ours. */
	ASSERT_EQ(ret, any == -EOPNOTSUPP ? -EOPNOTSUPP : 0);
	return !ret;
}

TEST(io_uring_reads_into_the_mapping)
{
	int disk = open_scratch(O_RDWR | O_DIRECT);
	size_t size = 4 * MIB, at;
	uint8_t *pattern = fill_disk(disk, size, 7), *data = map_data(create(size), size);
	struct io_uring ring;

	start_ring(&ring);
	for (at = 0; at < size; at += 65536)
		io_uring_prep_read(io_uring_get_sqe(&ring), disk, data + at, 65536, at);
	submit(&ring, 64);
	for (at = 0; at < size; at += 65536)
		complete(&ring, 65536);
	ASSERT_EQ(memcmp(data, pattern, size), 0);
}

TEST(io_uring_takes_the_mapping_as_a_registered_buffer)
{
	int disk = open_scratch(O_RDWR | O_DIRECT);
	size_t size = 4 * MIB;
	uint8_t *pattern = fill_disk(disk, size, 8), *data = map_data(create(size), size);
	uint8_t *got = ordinary(size);
	struct io_uring ring;

	start_ring(&ring);
	if (!register_data(&ring, data, size))
		return;
	io_uring_prep_read_fixed(io_uring_get_sqe(&ring), disk, data, MIB, 2 * MIB, 0);
	submit(&ring, 1);
	complete(&ring, MIB);
	ASSERT_EQ(memcmp(data, pattern + 2 * MIB, MIB), 0);
	fill(data, size, 9);
	io_uring_prep_write_fixed(io_uring_get_sqe(&ring), disk, data + MIB, 3 * MIB, MIB, 0);
	submit(&ring, 1);
	complete(&ring, 3 * MIB);
	ASSERT_EQ(pread(disk, got, size, 0), size);
	ASSERT_EQ(memcmp(got + MIB, data + MIB, 3 * MIB), 0);
}

/* A member fd at the other end: under the barrier, as read and write. */
TEST(io_uring_reads_and_writes_a_member)
{
	int fd = create(MIB), member = join(fd);
	uint8_t *data = map_data(fd, MIB), *mine = ordinary(MIB);
	struct io_uring ring;

	start_ring(&ring);
	fill(mine, MIB, 10);
	io_uring_prep_write(io_uring_get_sqe(&ring), member, mine, MIB, 0);
	submit(&ring, 1);
	complete(&ring, MIB);
	ASSERT_EQ(memcmp(data, mine, MIB), 0);
	ASSERT_EQ(register_memory(&ring, mine, MIB), 0);
	fill(data, MIB, 11);
	io_uring_prep_read_fixed(io_uring_get_sqe(&ring), member, mine, MIB, 0, 0);
	submit(&ring, 1);
	complete(&ring, MIB);
	ASSERT_EQ(memcmp(data, mine, MIB), 0);
}

/* io_uring would poll until then, for what never comes. */
TEST(io_uring_does_not_wait_for_the_holder)
{
	int fd = create(MIB), member = join(fd), holder = join(fd), i;
	struct iovec iov = { ordinary(4096), 4096 };
	struct io_uring_sqe *sqe;
	struct io_uring ring;

	start_ring(&ring);
	ASSERT_EQ(register_memory(&ring, iov.iov_base, iov.iov_len), 0);
	ASSERT_EQ(try_lock(holder), 0);
	for (i = 0; i < 4; i++) {
		sqe = io_uring_get_sqe(&ring);
		if (i == 0)
			io_uring_prep_read(sqe, member, iov.iov_base, 4096, 0);
		else if (i == 1 || i == 2)
			io_uring_prep_write(sqe, member, iov.iov_base, 4096, 0);
		else
			io_uring_prep_read_fixed(sqe, member, iov.iov_base, 4096, 0, 0);
		if (i == 2)
			sqe->flags |= IOSQE_ASYNC;	/* by a thread of the kernel */
		submit(&ring, 1);
		complete(&ring, -EBUSY);
	}
	ASSERT_ERRNO(preadv2(member, &iov, 1, 0, RWF_NOWAIT), EAGAIN);
	ASSERT_ERRNO(pwritev2(member, &iov, 1, 0, RWF_NOWAIT), EAGAIN);
	ASSERT_EQ(unlock(holder), 0);
	ASSERT_EQ(preadv2(member, &iov, 1, 0, RWF_NOWAIT), 4096);
	ASSERT_EQ(pwritev2(member, &iov, 1, 0, RWF_NOWAIT), 4096);
}

/*
 * Pages that outlive the buffer
 */

/* Would take the pages of a buffer that is gone, if they were free. */
static uint8_t *squat(size_t size, int *fd)
{
	uint8_t *data;

	*fd = create(size);
	data = map_data(*fd, size);
	memset(data, 0xee, size);
	return data;
}

static void still_squatting(uint8_t *data, size_t size, int fd)
{
	ASSERT(data[0] == 0xee && !memcmp(data, data + 1, size - 1));
	munmap(data, size);
	close(fd);
}

static void pins_by_a_disk(int disk, struct io_uring *ring, size_t size)
{
	int fd = create(size), other, n = 0;
	uint8_t *data = map_data(fd, size);
	size_t at, step = size / 16;

	for (at = 0; at < size; at += step, n++)
		io_uring_prep_read(io_uring_get_sqe(ring), disk, data + at,
				   (unsigned int)step, at);
	submit(ring, n);
	munmap(data, size);
	close(fd);
	data = squat(size, &other);
	while (n--)
		complete(ring, (long)step);
	still_squatting(data, size, other);
}

static void pins_by_a_ring(int disk, uint8_t *got, size_t size)
{
	int fd = create(size), other, ret;
	uint8_t *data = map_data(fd, size), *squatter;
	struct io_uring ring;

	start_ring(&ring);
	fill(data, size, (unsigned int)size);
	ret = register_memory(&ring, data, size);
	munmap(data, size);
	close(fd);
	if (ret == -EOPNOTSUPP)	/* which another test judges */
		goto out;
	ASSERT_EQ(ret, 0);
	squatter = squat(size, &other);
	/* The address means the registered pages, whatever is mapped there now. */
	io_uring_prep_write_fixed(io_uring_get_sqe(&ring), disk, data,
				  (unsigned int)size, 0, 0);
	submit(&ring, 1);
	complete(&ring, (long)size);
	still_squatting(squatter, size, other);
	ASSERT_EQ(pread(disk, got, size, 0), size);
	data = malloc(size);
	fill(data, size, (unsigned int)size);
	ASSERT_EQ(memcmp(got, data, size), 0);
	free(data);
out:
	io_uring_queue_exit(&ring);
}

static void pins_by_a_pipe(size_t size)
{
	size_t len = size < 65536 ? size : 65536;
	int fd = create(size), other, ends[2];
	uint8_t *data = map_data(fd, size), *got = malloc(len), *squatter;
	struct iovec iov = { data + size - len, len };

	ASSERT_EQ(pipe(ends), 0);
	fill(data, size, 12);
	ASSERT_EQ(vmsplice(ends[1], &iov, 1, 0), len);
	memcpy(got, iov.iov_base, len);
	munmap(data, size);
	close(fd);
	squatter = squat(size, &other);
	data = malloc(len);
	ASSERT_EQ(read(ends[0], data, len), len);
	ASSERT_EQ(memcmp(data, got, len), 0);
	still_squatting(squatter, size, other);
	close(ends[0]);
	close(ends[1]);
	free(data);
	free(got);
}

TEST(what_a_disk_reads_into_outlives_the_buffer)
{
	int disk = open_scratch(O_RDWR | O_DIRECT), i;
	struct io_uring ring;

	start_ring(&ring);
	fill_disk(disk, 4 * MIB, 13);
	for (i = 0; i < 10; i++)
		pins_by_a_disk(disk, &ring, 4 * MIB);
}

TEST(registered_buffers_outlive_the_buffer)
{
	int disk = open_scratch(O_RDWR | O_DIRECT);

	pins_by_a_ring(disk, ordinary(4 * MIB), 4 * MIB);
}

TEST(what_a_pipe_holds_outlives_the_buffer)
{
	pins_by_a_pipe(4 * MIB);
	pins_by_a_pipe(page_size());
}

/* What @rounds rounds take of free memory and do not give back, in KiB. */
static long lost_in(int rounds, int disk, struct io_uring *ring, uint8_t *got)
{
	long before = free_kib(), after;
	int round;

	for (round = 0; round < rounds; round++) {
		/* Small ones mostly: emulated memory is slow. */
		size_t size = round % 50 ? 65536 : 2 * MIB;

		pins_by_a_disk(disk, ring, size);
		pins_by_a_ring(disk, got, size);
		pins_by_a_pipe(size);
	}
	after = free_kib();
	dprintf(1, "# %ld KiB free, then %ld\n", before, after);
	return before - after;
}

/*
 * A page that leaks each round is 4,000 KiB after a thousand rounds, and 4,000 more
 * after the next; what the kernel takes for itself meanwhile, it takes once. (A debug
 * kernel takes more, in fewer rounds: there it is the run that counts.)
 */
TEST_LIMIT(a_thousand_rounds_leave_no_page_behind, 400)
{
	int disk = open_scratch(O_RDWR | O_DIRECT), tries = 5;
	int rounds = 1000 / (int)ktap_every();
	uint8_t *got = ordinary(2 * MIB);
	struct io_uring ring;

	start_ring(&ring);
	fill_disk(disk, 2 * MIB, 14);
	lost_in(ktap_rounds(50), disk, &ring, got);
	while (lost_in(ktap_rounds(rounds), disk, &ring, got) >= 2 * rounds)
		ASSERT(--tries > 0);
}
