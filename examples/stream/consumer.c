// SPDX-License-Identifier: MIT
/*
 * Takes a stream from a producer, frame by frame, out of a dmashm buffer that
 * it receives over a socket, and writes it to standard output.
 *
 *   ./consumer [-k] SOCKET >OUTPUT
 *
 *   -k      fail if the kernel's sampler never had a turn
 *   SOCKET  path at which the producer listens, or will within 10 seconds
 *
 * Each time it holds the barrier it checks that the kernel's sample is whole
 * and not older than the one before. Needs no right on /dev/dmashm: the fds
 * that came over the socket are enough. On standard error it shows how far it
 * is, and at the end
 *
 *   consumer    20 %
 *   consumer   12142528 bytes in 47 frames, 0.54 s, 22.6 MB/s
 *   barrier    went from one party to another 184 times
 *   kernel     66 samples written, 8 ticks missed; 53 looked at: 0 torn, 0 backwards
 *
 * and exits with 0 if all bytes came and no sample was torn.
 */
#define _GNU_SOURCE
#include "frames.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_NS	(10 * 1000000000ull)
#define STEP		20	/* per cent */

/* How far the stream has come, as shown on one line. */
struct progress {
	uint64_t total;
	unsigned int shown;
};

/* The producer may still be making its buffer. */
static int meet_producer(const char *path)
{
	const struct timespec moment = { .tv_nsec = 20000000 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	uint64_t limit = frames_now() + CONNECT_NS;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	if (strlen(path) >= sizeof(address.sun_path))
		errx(2, "%s is too long for a socket's path", path);
	strcpy(address.sun_path, path);
	while (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		if ((errno != ENOENT && errno != ECONNREFUSED) ||
		    frames_now() > limit)
			err(1, "%s", path);
		nanosleep(&moment, NULL);
	}
	return fd;
}

static void show_progress(struct progress *progress, uint64_t bytes)
{
	while (progress->total && progress->shown < 100 &&
	       bytes * 100 / progress->total >= progress->shown + STEP) {
		progress->shown += STEP;
		fprintf(stderr, "consumer   %3u %%\n", progress->shown);
	}
}

static int write_all(const char *data, size_t length)
{
	while (length) {
		ssize_t done = write(STDOUT_FILENO, data, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		data += done;
		length -= (size_t)done;
	}
	return 0;
}

/* All frames to standard output. */
static int drain(struct frames *frames, char *data, struct progress *progress,
		 uint64_t *bytes)
{
	int length;

	while ((length = frames_get(frames, data)) > 0) {
		int ret = write_all(data, (size_t)length);

		if (ret) {
			fprintf(stderr, "consumer: the output failed: %s.\n",
				strerror(-ret));
			frames_give_up(frames, ret);
			exit(1);
		}
		*bytes += (uint64_t)length;
		show_progress(progress, *bytes);
	}
	return length ? length : frames_done(frames);
}

static int report(const struct frames *frames, const struct frames_header *header,
		  uint64_t ns)
{
	const struct sample *sample = &frames->sample;

	fprintf(stderr, "consumer   %" PRIu64 " bytes in %" PRIu64 " frames, %.2f s, %.1f MB/s\n",
		header->bytes, header->tail, (double)ns / 1e9,
		ns ? (double)header->bytes * 1e3 / (double)ns : 0.0);
	fprintf(stderr, "barrier    went from one party to another %" PRIu64 " times\n",
		header->handovers);
	fprintf(stderr, "kernel     %" PRIu64 " samples written, %" PRIu64 " ticks missed; ",
		(uint64_t)sample->turns, (uint64_t)sample->missed);
	fprintf(stderr, "%" PRIu64 " looked at: %" PRIu64 " torn, %" PRIu64 " backwards\n",
		frames->looks, frames->torn, frames->backwards);
	return frames->torn || frames->backwards;
}

static int run(struct frames *frames, bool need_kernel)
{
	struct frames_header header;
	struct progress progress = { .shown = 0 };
	uint64_t begin, bytes = 0;
	char *data = malloc(frames->frame_size);
	int ret;

	if (!data)
		err(1, "malloc");
	ret = frames_look(frames, &header);
	progress.total = header.total;
	begin = frames_now();
	if (!ret)
		ret = drain(frames, data, &progress, &bytes);
	begin = frames_now() - begin;
	if (!ret)
		ret = frames_look(frames, &header);
	free(data);
	if (ret) {
		frames_explain(frames, ret);
		return 1;
	}
	ret = report(frames, &header, begin);
	if (bytes != header.bytes) {
		fprintf(stderr, "consumer: %" PRIu64 " bytes came, but %" PRIu64 " were sent.\n",
			bytes, header.bytes);
		return 1;
	}
	if (need_kernel && !frames->sample.turns) {
		fputs("consumer: the kernel never had a turn; is dmashm_sampler.ko loaded?\n", stderr);
		return 1;
	}
	return ret;
}

int main(int argc, char **argv)
{
	struct frames frames;
	bool need_kernel = argc > 1 && !strcmp(argv[1], "-k");
	int ret;

	if (argc != 2 + need_kernel)
		errx(2, "usage: consumer [-k] SOCKET >OUTPUT");
	signal(SIGPIPE, SIG_IGN);
	ret = frames_receive(&frames, meet_producer(argv[argc - 1]));
	if (ret)
		errx(1, "no ring of frames came: %s", strerror(-ret));
	ret = run(&frames, need_kernel);
	frames_close(&frames);
	return ret;
}
