// SPDX-License-Identifier: MIT
/*
 * Streams a file to a consumer through a ring of frames in one dmashm buffer.
 *
 *   ./producer [-n FRAMES] [-s KIB] [-p MS] SOCKET [FILE]
 *
 *   -n FRAMES  in the ring (8)
 *   -s KIB     size of a frame (256)
 *   -p MS      period of the kernel's sampler (4); 0: do not start it
 *   SOCKET     path of the AF_UNIX socket at which the consumer asks
 *   FILE       what to stream; standard input if not given
 *
 * Listens at SOCKET, hands the buffer to the first who connects, and removes
 * the socket. If the sampler module of examples/kernel is loaded, the kernel
 * writes into the header page every few ms, under the same barrier.
 *
 * Prints at the end, on standard output,
 *
 *   producer   12142528 bytes in 47 frames of 256 KiB, ring of 8, 0.64 s
 *
 * and exits with 0 if the consumer said that it has everything and every
 * sample was whole. FILE is read before the barrier is taken: nobody should
 * hold it while he waits for a disk or a terminal.
 */
#define _GNU_SOURCE
#include "frames.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_MS	30000
#define FIRST_TURN_MS	2000

struct options {
	uint32_t count;
	uint32_t frame_size;
	uint32_t period_ms;
	const char *socket;
	const char *file;
};

static uint32_t number(const char *text, uint32_t min, uint32_t max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || value < min || value > max)
		errx(2, "%s is not a number from %u to %u", text, min, max);
	return (uint32_t)value;
}

static void parse(int argc, char **argv, struct options *options)
{
	int option;

	*options = (struct options){ 8, 256 << 10, 4, NULL, NULL };
	while ((option = getopt(argc, argv, "n:s:p:")) != -1) {
		switch (option) {
		case 'n':
			options->count = number(optarg, 1, FRAMES_MAX);
			break;
		case 's':
			options->frame_size = number(optarg, 1, FRAMES_SIZE_MAX >> 10) << 10;
			break;
		case 'p':
			options->period_ms = number(optarg, 0, 1000);
			break;
		default:
			optind = argc + 1;
		}
	}
	if (optind >= argc || argc - optind > 2)
		errx(2, "usage: producer [-n FRAMES] [-s KIB] [-p MS] SOCKET [FILE]");
	options->socket = argv[optind];
	options->file = argv[optind + 1];
}

/* The consumer's connection. */
static int meet_consumer(const char *path)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct pollfd asked = { .fd = listener, .events = POLLIN };
	int connection;

	if (listener < 0)
		err(1, "socket");
	if (strlen(path) >= sizeof(address.sun_path))
		errx(2, "%s is too long for a socket's path", path);
	strcpy(address.sun_path, path);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)))
		err(1, "%s", path);
	if (listen(listener, 1))
		err(1, "%s", path);
	if (poll(&asked, 1, CONNECT_MS) != 1) {
		unlink(path);
		errx(1, "no consumer came within %d seconds", CONNECT_MS / 1000);
	}
	connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	unlink(path);
	close(listener);
	if (connection < 0)
		err(1, "accept");
	return connection;
}

/* The kernel's sampler, writing from now on; -1 if the module is not loaded. */
static int start_sampler(const struct frames *frames, uint32_t period_ms)
{
	struct sampler_start start = {
		.dmabuf_fd = dmashm_fd(frames->buf),
		.period_ms = period_ms,
		.offset = offsetof(struct frames_header, sample),
	};
	int fd = period_ms ? open(SAMPLER_DEVICE, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0 && period_ms && errno != ENOENT)
		err(1, SAMPLER_DEVICE);
	if (fd >= 0 && ioctl(fd, SAMPLER_IOC_START, &start))
		err(1, SAMPLER_DEVICE);
	return fd;
}

/* So that even a stream of one frame has the kernel taking part. */
static void await_first_turn(struct frames *frames)
{
	const struct timespec moment = { .tv_nsec = 2000000 };
	uint64_t limit = frames_now() + FIRST_TURN_MS * 1000000ull;
	struct frames_header header;

	do {
		nanosleep(&moment, NULL);
		if (frames_look(frames, &header))
			errx(1, "the ring could not be read");
		if (frames_now() > limit)
			errx(1, "the sampler never wrote");
	} while (!header.sample.turns);
}

/* As much of a frame as there is: a pipe gives less at a time. */
static ssize_t read_frame(int fd, char *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = read(fd, data + done, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/* Frames put, or -errno; what concerns the file is told here. */
static int64_t stream(struct frames *frames, int fd, char *data)
{
	int64_t count = 0;
	ssize_t length;
	int ret;

	while ((length = read_frame(fd, data, frames->frame_size)) > 0) {
		ret = frames_put(frames, data, (uint32_t)length);
		if (ret)
			return ret;
		count++;
	}
	if (length < 0) {
		frames_give_up(frames, (int)length);
		return length;
	}
	ret = frames_finish(frames);
	return ret ? ret : count;
}

static uint64_t file_size(int fd)
{
	struct stat stat;

	return fstat(fd, &stat) || !S_ISREG(stat.st_mode) ? 0 : (uint64_t)stat.st_size;
}

static int report(struct frames *frames, uint64_t ns)
{
	struct frames_header header;
	int ret = frames_look(frames, &header);

	if (ret) {
		frames_explain(frames, ret);
		return 1;
	}
	printf("producer   %" PRIu64 " bytes in %" PRIu64 " frames of %u KiB, ring of %u, %.2f s\n",
	       header.bytes, header.head, header.frame_size >> 10, header.count,
	       (double)ns / 1e9);
	if (frames->torn || frames->backwards) {
		fprintf(stderr, "producer: %" PRIu64 " samples were torn, %" PRIu64 " went backwards.\n",
			frames->torn, frames->backwards);
		return 1;
	}
	return fflush(stdout) != 0;
}

int main(int argc, char **argv)
{
	struct options options;
	struct frames frames;
	int ret, sampler, fd = STDIN_FILENO;
	uint64_t begin;
	int64_t count;
	char *data;

	parse(argc, argv, &options);
	signal(SIGPIPE, SIG_IGN);
	if (options.file)
		fd = open(options.file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", options.file);
	data = malloc(options.frame_size);
	if (!data)
		err(1, "malloc");

	ret = frames_create(&frames, options.count, options.frame_size,
			    file_size(fd));
	if (ret)
		errx(1, "no buffer could be made: %s", strerror(-ret));
	sampler = start_sampler(&frames, options.period_ms);
	if (sampler >= 0)
		await_first_turn(&frames);
	ret = frames_send(&frames, meet_consumer(options.socket));
	if (ret)
		errx(1, "the buffer could not be sent: %s", strerror(-ret));

	begin = frames_now();
	count = stream(&frames, fd, data);
	if (count < 0) {
		frames_explain(&frames, (int)count);
		free(data);
		return 1;
	}
	ret = report(&frames, frames_now() - begin);
	frames_close(&frames);
	free(data);
	return ret;
}
