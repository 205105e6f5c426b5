// SPDX-License-Identifier: MIT
/*
 * splice and sendfile, from a member fd and to one; vmsplice of the mapping.
 * What they move is moved under the barrier, as by read and write.
 */
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "uapi.h"

#define ROOM	((size_t)65536)		/* what a pipe takes, and a chunk */

struct party {
	int fd, member;
	size_t size;
	uint8_t *data;
};

static struct party party(size_t size)
{
	struct party p = { .size = size };

	p.fd = create(size);
	p.member = join(p.fd);
	p.data = map_data(p.fd, size);
	return p;
}

static void fill(uint8_t *data, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 7 + i / 4096 + seed);
}

static void make_pipe(int ends[2])
{
	ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
}

static int make_file(size_t size)
{
	int fd = memfd_create("splice", MFD_CLOEXEC);

	ASSERT(fd >= 0);
	ASSERT_EQ(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static void read_all(int fd, void *to, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = read(fd, (char *)to + done, size - done);
		ASSERT(n > 0);
		done += (size_t)n;
	}
}

TEST(splice_moves_data_out)
{
	struct party p = party(4 * MIB);
	uint8_t *got = malloc(ROOM);
	off_t at = 5000;
	loff_t pos = at;
	ssize_t n;
	int ends[2];

	fill(p.data, p.size, 1);
	make_pipe(ends);
	n = splice(p.member, &pos, ends[1], NULL, ROOM, 0);
	ASSERT(n > 0);
	ASSERT_EQ(pos, at + n);
	read_all(ends[0], got, (size_t)n);
	ASSERT_EQ(memcmp(got, p.data + at, (size_t)n), 0);
	/* The fd's own position is where it was, and is what is used without one. */
	ASSERT_EQ(lseek(p.member, 0, SEEK_CUR), 0);
	n = splice(p.member, NULL, ends[1], NULL, 4096, 0);
	ASSERT_EQ(n, 4096);
	ASSERT_EQ(lseek(p.member, 0, SEEK_CUR), 4096);
	read_all(ends[0], got, 4096);
	ASSERT_EQ(memcmp(got, p.data, 4096), 0);
}

/* A copy: what is in the pipe is not the buffer any more. */
TEST(what_was_spliced_out_does_not_change)
{
	struct party p = party(page_size());
	int ends[2];
	char got[5];

	make_pipe(ends);
	memcpy(p.data, "asdf", 5);
	ASSERT_EQ(splice(p.member, NULL, ends[1], NULL, 5, 0), 5);
	memcpy(p.data, "qwer", 5);
	read_all(ends[0], got, 5);
	ASSERT_EQ(strcmp(got, "asdf"), 0);
}

TEST(splice_moves_data_in)
{
	struct party p = party(4 * MIB);
	uint8_t *from = malloc(ROOM);
	loff_t pos = (off_t)(p.size - ROOM);
	int ends[2];

	fill(from, ROOM, 2);
	make_pipe(ends);
	ASSERT_EQ(write(ends[1], from, ROOM), ROOM);
	ASSERT_EQ(splice(ends[0], NULL, p.member, &pos, ROOM, 0), ROOM);
	ASSERT_EQ(pos, p.size);
	ASSERT_EQ(memcmp(p.data + p.size - ROOM, from, ROOM), 0);
	ASSERT_EQ(p.data[p.size - ROOM - 1], 0);
	ASSERT_EQ(write(ends[1], from, 5), 5);
	ASSERT_EQ(splice(ends[0], NULL, p.member, NULL, 5, 0), 5);
	ASSERT_EQ(memcmp(p.data, from, 5), 0);
	ASSERT_EQ(lseek(p.member, 0, SEEK_CUR), 5);
}

TEST(splice_ends_at_the_end)
{
	struct party p = party(page_size());
	loff_t pos = (off_t)p.size - 3;
	int ends[2];

	make_pipe(ends);
	ASSERT_EQ(splice(p.member, &pos, ends[1], NULL, 16, 0), 3);
	ASSERT_EQ(splice(p.member, &pos, ends[1], NULL, 16, 0), 0);
	pos = (off_t)p.size - 2;
	ASSERT_EQ(splice(ends[0], NULL, p.member, &pos, 3, 0), 2);
	ASSERT_ERRNO(splice(ends[0], NULL, p.member, &pos, 1, 0), ENOSPC);
}

/* All of a file that is larger than any pipe, and back. */
TEST(sendfile_to_a_file_and_back)
{
	size_t size = 3 * MIB + 5 * page_size();
	struct party a = party(size), b = party(size);
	int file = make_file(0);
	off_t pos = 0;
	size_t done;
	ssize_t n;

	fill(a.data, size, 3);
	for (done = 0; done < size; done += (size_t)n) {
		n = sendfile(file, a.member, &pos, size - done);
		ASSERT(n > 0);
	}
	ASSERT_EQ(pos, size);
	ASSERT_EQ(sendfile(file, a.member, &pos, 1), 0);
	ASSERT_EQ(lseek(file, 0, SEEK_END), size);
	for (done = 0, pos = 0; done < size; done += (size_t)n) {
		n = sendfile(b.member, file, &pos, size - done);
		ASSERT(n > 0);
	}
	ASSERT_EQ(memcmp(a.data, b.data, size), 0);
	ASSERT_EQ(lseek(b.member, 0, SEEK_CUR), size);
	pos = 0;
	ASSERT_ERRNO(sendfile(b.member, file, &pos, 1), ENOSPC);
}

TEST(sendfile_from_one_buffer_to_another)
{
	struct party a = party(MIB), b = party(MIB);
	size_t done;
	ssize_t n;

	fill(a.data, a.size, 4);
	for (done = 0; done < a.size; done += (size_t)n) {
		n = sendfile(b.member, a.member, NULL, a.size - done);
		ASSERT(n > 0);
	}
	ASSERT_EQ(memcmp(a.data, b.data, a.size), 0);
}

TEST(sendfile_to_a_socket)
{
	struct party p = party(MIB);
	uint8_t *got = malloc(p.size);
	int pair[2];
	size_t done;
	ssize_t n;
	pid_t pid;

	fill(p.data, p.size, 5);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = start_child();
	if (!pid) {
		for (done = 0; done < p.size; done += (size_t)n) {
			n = sendfile(pair[1], p.member, NULL, p.size - done);
			ASSERT(n > 0);
		}
		_exit(0);
	}
	read_all(pair[0], got, p.size);
	wait_child(pid);
	ASSERT_EQ(memcmp(got, p.data, p.size), 0);
}

TEST(splice_waits_for_the_holder)
{
	struct party p = party(page_size());
	int holder = join(p.fd), ends[2];
	pid_t pid;

	make_pipe(ends);
	ASSERT_EQ(write(ends[1], "x", 1), 1);
	ASSERT_EQ(try_lock(holder), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(splice(ends[0], NULL, p.member, NULL, 1, 0), 1);
		_exit(0);
	}
	sleep_ms(100);
	ASSERT_EQ(p.data[0], 0);
	ASSERT_EQ(unlock(holder), 0);
	wait_child(pid);
	ASSERT_EQ(p.data[0], 'x');
}

/* Who shares the barrier reads on, and shuts out who would write. */
TEST(splice_shares_the_barrier_to_read)
{
	struct party p = party(page_size());
	int holder = join(p.fd), ends[2];

	make_pipe(ends);
	ASSERT_EQ(try_lock_shared(holder), 0);
	ASSERT_EQ(splice(p.member, NULL, ends[1], NULL, 5, 0), 5);
	ASSERT_ERRNO(splice(ends[0], NULL, p.member, NULL, 5, 0), EAGAIN);
	ASSERT_EQ(unlock_shared(holder), 0);
	ASSERT_EQ(splice(ends[0], NULL, p.member, NULL, 5, 0), 5);
}

static uint64_t ms_since(uint64_t start)
{
	return (now_ns() - start) / 1000000;
}

/*
 * The pipe is locked while splice waits, and who reads from it then cannot be
 * killed: so nobody may be kept there by a barrier that somebody keeps.
 */
TEST(splice_gives_up_after_a_second)
{
	struct party p = party(page_size());
	int holder = join(p.fd), ends[2], file = make_file(4096);
	uint64_t start;
	char byte;
	pid_t pid;

	make_pipe(ends);
	ASSERT_EQ(write(ends[1], "x", 1), 1);
	ASSERT_EQ(try_lock(holder), 0);
	start = now_ns();
	ASSERT_ERRNO(splice(p.member, NULL, ends[1], NULL, 5, 0), EAGAIN);
	ASSERT(ms_since(start) >= 900 && ms_since(start) < 10000);
	start = now_ns();
	ASSERT_ERRNO(splice(ends[0], NULL, p.member, NULL, 1, 0), EAGAIN);
	ASSERT(ms_since(start) >= 900 && ms_since(start) < 10000);
	ASSERT_ERRNO(sendfile(file, p.member, NULL, 5), EAGAIN);
	ASSERT_ERRNO(sendfile(p.member, file, NULL, 5), EAGAIN);

	/* Who uses the pipe gets at it all the same. */
	pid = start_child();
	if (!pid) {
		for (;;)
			splice(p.member, NULL, ends[1], NULL, 5, 0);
	}
	sleep_ms(200);
	start = now_ns();
	ASSERT_EQ(read(ends[0], &byte, 1), 1);
	ASSERT(ms_since(start) < 20000);
	ASSERT_EQ(byte, 'x');
	kill_child(pid);
	ASSERT_EQ(p.data[0], 0);
}

TEST(splice_does_not_wait_with_o_nonblock)
{
	struct party p = party(page_size());
	int holder = join(p.fd), ends[2], tries;
	uint64_t start, best = UINT64_MAX;

	make_pipe(ends);
	ASSERT_EQ(write(ends[1], "x", 1), 1);
	ASSERT_EQ(fcntl(p.member, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	ASSERT_EQ(try_lock(holder), 0);
	/* A busy machine may be slow at times, but not each time. */
	for (tries = 0; tries < 5; tries++) {
		start = now_ns();
		ASSERT_ERRNO(splice(p.member, NULL, ends[1], NULL, 5, 0), EAGAIN);
		ASSERT_ERRNO(splice(ends[0], NULL, p.member, NULL, 1, 0), EAGAIN);
		if (ms_since(start) < best)
			best = ms_since(start);
	}
	ASSERT(best < 900);
	ASSERT_EQ(unlock(holder), 0);
	ASSERT_EQ(splice(p.member, NULL, ends[1], NULL, 5, 0), 5);
}

static void on_signal(int signal)
{
	(void)signal;
}

TEST(a_signal_interrupts_splice)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct party p = party(page_size());
	int holder = join(p.fd), ends[2];
	pid_t pid;

	sigaction(SIGUSR1, &action, NULL);
	make_pipe(ends);
	ASSERT_EQ(try_lock(holder), 0);
	pid = start_signaller();
	ASSERT_ERRNO(splice(p.member, NULL, ends[1], NULL, 5, 0), EINTR);
	kill_child(pid);
}

TEST(splice_after_a_death_needs_a_repair)
{
	struct party p = party(page_size());
	int holder = join(p.fd), ends[2];

	make_pipe(ends);
	ASSERT_EQ(write(ends[1], "x", 1), 1);
	ASSERT_EQ(try_lock(holder), 0);
	close(holder);
	ASSERT_ERRNO(splice(p.member, NULL, ends[1], NULL, 5, 0), EOWNERDEAD);
	ASSERT_ERRNO(splice(ends[0], NULL, p.member, NULL, 1, 0), EOWNERDEAD);
	ASSERT_EQ(p.data[0], 0);
	ASSERT_ERRNO(try_lock(p.member), EOWNERDEAD);
	ASSERT_EQ(recover(p.member), 0);
	ASSERT_EQ(unlock(p.member), 0);
	/* The byte waits in the pipe. */
	ASSERT_EQ(splice(ends[0], NULL, p.member, NULL, 1, 0), 1);
	ASSERT_EQ(p.data[0], 'x');
}

/* One fills all with a or all with b, and is never seen half way. */
TEST(what_goes_through_at_one_time_is_not_torn)
{
	static char chunk[ROOM], got[ROOM];
	struct party p = party(ROOM);
	int status, ends[2];
	pid_t pid = start_child();
	loff_t pos;
	ssize_t n;
	int i;

	make_pipe(ends);
	if (!pid) {
		for (i = 0; i < 200; i++) {
			memset(chunk, 'a' + i % 2, ROOM);
			ASSERT_EQ(write(ends[1], chunk, ROOM), ROOM);
			pos = 0;
			ASSERT_EQ(splice(ends[0], NULL, p.member, &pos, ROOM, 0), ROOM);
		}
		_exit(0);
	}
	while (!waitpid(pid, &status, WNOHANG)) {
		pos = 0;
		n = splice(p.member, &pos, ends[1], NULL, ROOM, 0);
		ASSERT(n > 1);
		read_all(ends[0], got, (size_t)n);
		ASSERT_EQ(memcmp(got, got + 1, (size_t)n - 1), 0);
	}
	ASSERT_EQ(status, 0);
}

/* The other way to fill a pipe: pages, not copies. They are the buffer's. */
TEST(vmsplice_shares_the_pages)
{
	struct party p = party(2 * MIB);
	struct iovec iov = { p.data + MIB, 8 * page_size() };
	uint8_t *got = malloc(iov.iov_len);
	int ends[2];

	make_pipe(ends);
	fill(p.data, p.size, 6);
	ASSERT_EQ(vmsplice(ends[1], &iov, 1, 0), iov.iov_len);
	fill(p.data, p.size, 7);
	read_all(ends[0], got, iov.iov_len);
	ASSERT_EQ(memcmp(got, p.data + MIB, iov.iov_len), 0);
}

/* Straight from the pages into a file and into another buffer. */
TEST(vmsplice_then_splice)
{
	struct party a = party(MIB), b = party(MIB);
	struct iovec iov = { a.data + 4096, 8 * page_size() };
	int ends[2];

	make_pipe(ends);
	fill(a.data, a.size, 8);
	ASSERT_EQ(vmsplice(ends[1], &iov, 1, 0), iov.iov_len);
	ASSERT_EQ(splice(ends[0], NULL, b.member, NULL, iov.iov_len, 0), iov.iov_len);
	ASSERT_EQ(memcmp(b.data, a.data + 4096, iov.iov_len), 0);
}
