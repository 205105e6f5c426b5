// SPDX-License-Identifier: MIT
/*
 * Frames from one producer to two consumers, of which one is slow. Half way the
 * producer is killed while it writes a frame, and another one goes on.
 *
 *   ./queue             the producer waits for the slow one: nobody misses any
 *   ./queue overwrite   it does not wait: the slow one is told what it missed
 *
 * Prints, for overwrite,
 *
 *   the producer was killed while it wrote; another one goes on
 *   quick: the producer died, waiting for another one
 *   slow: the producer died, waiting for another one
 *   quick: 400 frames seen, 0 missed, 0 torn
 *   slow: 42 frames seen, 358 missed, 0 torn
 *
 * and exits with 0 if the two counts add up to what was published, and no frame
 * was torn. Each side leaves it to the queue to wait for the other; there is no
 * lock here, and no copy.
 */
#include <dmashm.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT		5	/* in the queue: see dmashm_queue_create() */
#define FRAME_SIZE	20000
#define FRAMES		400	/* in all */
#define SECOND		1000000000ull
#define PATIENCE	dmashm_deadline(20 * SECOND)

static struct dmashm_buffer *buf;
static unsigned int flags;

static void check(int ret, const char *what)
{
	if (ret)
		errx(1, "%s: %s", what, strerror(-ret));
}

static void rest(unsigned int ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000L }, NULL);
}

/*
 * The producer
 */

static struct dmashm_queue *begin_producing(void)
{
	struct dmashm_queue *queue;

	check(dmashm_queue_create(buf, COUNT, FRAME_SIZE, flags, &queue),
	      "dmashm_queue_create");
	check(dmashm_queue_await(queue, 2, PATIENCE), "no consumers");
	return queue;
}

static char *begin_frame(struct dmashm_queue *queue)
{
	void *data;

	check(dmashm_queue_put_begin(queue, PATIENCE, &data), "no room");
	return data;
}

/* Each frame has one byte all over, so that a torn one shows. */
static void produce(struct dmashm_queue *queue, int from, int to)
{
	int i;

	for (i = from; i < to; i++) {
		memset(begin_frame(queue), i, FRAME_SIZE);
		check(dmashm_queue_put_end(queue, FRAME_SIZE), "dmashm_queue_put_end");
		rest(1);
	}
}

static void produce_and_die(void)
{
	struct dmashm_queue *queue = begin_producing();

	produce(queue, 0, FRAMES / 2);
	memset(begin_frame(queue), 0xff, FRAME_SIZE / 2);
	raise(SIGKILL);
}

static void produce_the_rest(void)
{
	struct dmashm_queue *queue = begin_producing();

	produce(queue, FRAMES / 2, FRAMES);
	check(dmashm_queue_finish(queue), "dmashm_queue_finish");
	dmashm_queue_close(queue);
}

/*
 * A consumer
 */

static bool is_torn(const struct dmashm_frame *frame)
{
	const char *byte = frame->data;

	return frame->length != FRAME_SIZE ||
	       memcmp(byte, byte + 1, FRAME_SIZE - 1);
}

/* There is none before its first producer has made it. */
static struct dmashm_queue *open_queue(void)
{
	uint64_t limit = PATIENCE;
	struct dmashm_queue *queue;
	int ret;

	while ((ret = dmashm_queue_open(buf, &queue)) == -ENOENT &&
	       dmashm_deadline(0) < limit)
		rest(1);
	check(ret, "dmashm_queue_open");
	return queue;
}

static int consume(const char *name, unsigned int pause)
{
	struct dmashm_queue *queue = open_queue();
	unsigned int seen = 0, missed = 0, torn = 0;
	struct dmashm_frame frame;
	int ret;

	while ((ret = dmashm_queue_get_begin(queue, PATIENCE, &frame)) != -EPIPE) {
		if (ret && ret != -EOWNERDEAD)
			check(ret, name);
		missed += frame.missed;
		if (ret) {
			printf("%s: the producer died, waiting for another one\n", name);
			continue;
		}
		rest(pause);
		seen++;
		torn += is_torn(&frame);
		check(dmashm_queue_get_end(queue), "dmashm_queue_get_end");
	}
	missed += frame.missed;
	dmashm_queue_close(queue);
	printf("%s: %u frames seen, %u missed, %u torn\n", name, seen, missed, torn);
	return torn || seen + missed != FRAMES || (missed && !flags);
}

static pid_t start_consumer(const char *name, unsigned int pause)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		int ret = consume(name, pause);

		fflush(stdout);
		_exit(ret);
	}
	return pid;
}

static int status_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	return status;
}

int main(int argc, char **argv)
{
	pid_t quick, slow, producer;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "overwrite")))
		errx(2, "usage: queue [overwrite]");
	setlinebuf(stdout);
	flags = argc == 2 ? DMASHM_OVERWRITE : 0;
	check(dmashm_create(dmashm_queue_size(COUNT, FRAME_SIZE), "queue", 0, &buf),
	      "dmashm_create");
	quick = start_consumer("quick", 0);
	slow = start_consumer("slow", 10);
	producer = fork();
	if (producer < 0)
		err(1, "fork");
	if (!producer)
		produce_and_die();
	if (!WIFSIGNALED(status_of(producer)))
		return 1;
	puts("the producer was killed while it wrote; another one goes on");
	produce_the_rest();
	return status_of(quick) || status_of(slow);
}
