// SPDX-License-Identifier: MIT
/*
 * Loads a file from a disk straight into a buffer: the disk's DMA writes to
 * the buffer's pages, and nothing is copied. Beside it, what one does where the
 * disk cannot be given the buffer's pages: read() into memory of one's own,
 * then copy.
 *
 * usage: ./load FILE
 *
 *   file       /mnt/vmlinuz, 12142528 bytes
 *   straight   by direct I/O: 0 copies, 0.0211 s
 *   copied     read() from the page cache, then memcpy(): 2 copies, 0.0344 s
 *   ratio      straight takes 0.61 of the time
 *   ok: the 12142528 bytes are in the buffer as they are in the file
 *
 * Where the file system has no direct I/O, it says so and reads into the
 * buffer through the page cache, which is one copy less all the same. Each way
 * is timed five times, in turn, from the disk; the figures are the medians.
 *
 * Exits with 0 if the buffer holds what the file does.
 */
#define _GNU_SOURCE	/* O_DIRECT */
#include <dmashm.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <linux/magic.h>

#define ROUNDS	5

/* Direct I/O goes by blocks: of 4 KiB, which all disks take. */
#define BLOCK	((size_t)4096)
#define PIECE	((size_t)1 << 20)

static struct dmashm_buffer *buf;
static uint8_t *data;		/* the buffer, mapped */
static uint8_t *own;		/* as much memory of our own */
static size_t size;		/* of the file */
static size_t room;		/* the same, in whole blocks */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void check(int ret, const char *what)
{
	if (ret)
		errx(1, "%s failed: %s", what, strerror(-ret));
}

/* Others, and devices, see all of what is written in between, or nothing. */
static void begin(void)
{
	check(dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER), "dmashm_begin");
}

static void end(void)
{
	check(dmashm_end(buf, DMASHM_WRITE), "dmashm_end");
}

/* What was read before must come from the disk again. */
static void forget(int fd)
{
	if (fdatasync(fd))
		err(1, "fdatasync");
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void read_file(int fd, uint8_t *to)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = pread(fd, to + done, room - done < PIECE ? room - done : PIECE,
			  (off_t)done);
		if (n < 0)
			err(1, "reading the file");
		if (!n)
			errx(1, "the file has become shorter");
		done += (size_t)n;
	}
}

static int open_file(const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* tmpfs has no disk: newer ones take O_DIRECT, and copy all the same. */
static bool is_tmpfs(int fd)
{
	struct statfs statfs;

	return !fstatfs(fd, &statfs) && statfs.f_type == TMPFS_MAGIC;
}

/* Some file systems say only when one reads that they have no direct I/O. */
static int open_direct(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
	bool works = fd >= 0 && pread(fd, own, BLOCK, 0) >= 0;

	if (works && !is_tmpfs(fd))
		return fd;
	if (!works && errno != EINVAL && errno != EOPNOTSUPP)
		err(1, "%s", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

static double load_straight(int fd)
{
	double start;

	forget(fd);
	start = now();
	begin();
	read_file(fd, data);
	end();
	return now() - start;
}

static double load_by_copy(int fd)
{
	double start;

	forget(fd);
	start = now();
	read_file(fd, own);
	begin();
	memcpy(data, own, size);
	end();
	return now() - start;
}

static void wipe(void)
{
	begin();
	memset(data, 0, room);
	end();
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *times)
{
	qsort(times, ROUNDS, sizeof(*times), by_size);
	return times[ROUNDS / 2];
}

/* In turn: what slows this machine down meanwhile slows both ways. */
static void compare(int straight, int plain, const char *how)
{
	double times[ROUNDS], copy_times[ROUNDS], time, copy_time;
	int round;

	for (round = 0; round < ROUNDS; round++) {
		copy_times[round] = load_by_copy(plain);
		wipe();
		times[round] = load_straight(straight);
		if (memcmp(data, own, size))
			errx(1, "what is in the buffer is not what is in the file");
	}
	time = median(times);
	copy_time = median(copy_times);
	printf("straight   %s, %.4f s\n", how, time);
	printf("copied     read() from the page cache, then memcpy(): 2 copies, %.4f s\n",
	       copy_time);
	printf("ratio      straight takes %.2f of the time\n", time / copy_time);
}

int main(int argc, char **argv)
{
	int plain, straight;
	struct stat stat;
	bool direct;
	void *map;

	if (argc != 2)
		errx(2, "usage: %s FILE", argv[0]);
	plain = open_file(argv[1], 0);
	if (fstat(plain, &stat))
		err(1, "%s", argv[1]);
	if (!S_ISREG(stat.st_mode) || !stat.st_size)
		errx(1, "%s is no file with something in it", argv[1]);
	size = (size_t)stat.st_size;
	room = (size + BLOCK - 1) / BLOCK * BLOCK;
	printf("file       %s, %zu bytes\n", argv[1], size);

	check(dmashm_create(room, "load", 0, &buf), "dmashm_create");
	check(dmashm_map(buf, PROT_READ | PROT_WRITE, &map), "dmashm_map");
	data = map;
	own = aligned_alloc(BLOCK, room);
	if (!own)
		err(1, "aligned_alloc");
	memset(own, 0, room);
	straight = open_direct(argv[1]);
	direct = straight >= 0;
	if (!direct) {
		printf("note       this file system has no direct I/O; the file comes through the page cache\n");
		straight = open_file(argv[1], 0);
	}
	compare(straight, plain, direct ? "by direct I/O: 0 copies" :
					  "by read() into the buffer: 1 copy");
	dmashm_close(buf);
	printf("ok: the %zu bytes are in the buffer as they are in the file\n", size);
	return 0;
}
