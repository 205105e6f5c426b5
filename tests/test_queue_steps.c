// SPDX-License-Identifier: MIT
/*
 * Queues of frames, one instruction at a time: one party is traced through a
 * call, and after each of its steps the other side does all it can, or the one
 * is killed. So what may come between two instructions does come.
 */
#include <sys/ptrace.h>

#include "frames.h"

/* In the child: what comes after this is stepped through, */
static void begin_steps(void)
{
	ASSERT_EQ(ptrace(PTRACE_TRACEME, 0, NULL, NULL), 0);
	raise(SIGSTOP);
}

/* up to here. */
static void end_steps(void)
{
	raise(SIGSTOP);
}

static void await_stop(pid_t pid, int *signal)
{
	int status;

	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	if (!WIFSTOPPED(status))
		FAIL("child ended with status %#x", status);
	*signal = WSTOPSIG(status);
}

/* In the parent: the child is where its steps begin. */
static void await_steps(pid_t pid)
{
	int signal;

	await_stop(pid, &signal);
	ASSERT_EQ(signal, SIGSTOP);
}

/* One instruction further; false at the end. */
static bool step(pid_t pid)
{
	int signal;

	ASSERT_EQ(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
	await_stop(pid, &signal);
	ASSERT(signal == SIGTRAP || signal == SIGSTOP);
	return signal == SIGTRAP;
}

static void leave(pid_t pid)
{
	ASSERT_EQ(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
}

/* Frames of one word, that take few steps: their number is their ordinal. */
static uint32_t published;

static int try_put_word(struct dmashm_queue *q)
{
	uint32_t *word;
	int err;

	err = dmashm_queue_put_begin(q, 0, (void **)&word);
	if (err)
		return err;
	*word = published + 1;
	err = dmashm_queue_put_end(q, sizeof(*word));
	if (!err)
		published++;
	return err;
}

static void flood(struct dmashm_queue *q)
{
	int i;

	for (i = 0; i < 3; i++) {
		int err = try_put_word(q);

		ASSERT(!err || err == -ETIMEDOUT);
	}
}

static uint32_t check_word(const struct dmashm_frame *frame)
{
	ASSERT_EQ(frame->length, sizeof(uint32_t));
	ASSERT_EQ(*(const volatile uint32_t *)frame->data, frame->ordinal);
	return frame->ordinal;
}

static uint32_t get_word(struct dmashm_queue *q, uint32_t *missed)
{
	struct dmashm_frame frame;
	uint32_t ordinal;

	ASSERT_EQ(dmashm_queue_get_begin(q, DMASHM_NEVER, &frame), 0);
	*missed = frame.missed;
	ordinal = check_word(&frame);
	ASSERT_EQ(dmashm_queue_get_end(q), 0);
	return ordinal;
}

/* The producer is at full speed while one comes. */
TEST(who_comes_misses_nothing_at_any_step)
{
	struct dmashm_buffer *buf = frames_buffer(2);
	struct dmashm_queue *p = produce(buf, 2, 0);
	pid_t pid = start_child();
	uint32_t steps = 0;

	if (!pid) {
		uint32_t i, missed, ordinal, first = 0;
		struct dmashm_queue *c;

		ASSERT_EQ(dmashm_lock(buf), 0);	/* joins */
		ASSERT_EQ(dmashm_unlock(buf), 0);
		begin_steps();
		c = consume(buf);
		end_steps();
		for (i = 0; i < 20; i++) {
			ordinal = get_word(c, &missed);
			ASSERT_EQ(missed, 0);
			first = i ? first : ordinal;
			ASSERT_EQ(ordinal, first + i);
		}
		_exit(0);
	}
	await_steps(pid);
	do {
		flood(p);
		steps++;
	} while (step(pid));
	leave(pid);
	dprintf(1, "# %u steps, %u frames\n", steps, published);
	ASSERT(published > 30);
	while (published < 1000000) {
		int status;

		flood(p);
		if (waitpid(pid, &status, WNOHANG) == pid) {
			ASSERT_EQ(status, 0);
			return;
		}
	}
	FAIL("the consumer does not end");
}

/* A reader that is stepped through; the producer writes between its steps. */
static void read_in_steps(unsigned int flags, unsigned int count)
{
	struct dmashm_buffer *buf = frames_buffer(count);
	struct dmashm_queue *p = produce(buf, count, flags);
	unsigned int seed = 1;
	pid_t pid = start_child();
	uint32_t steps = 0;

	if (!pid) {
		uint32_t i, missed, sum = 0;
		struct dmashm_queue *c = consume(buf);

		get_word(c, &missed);
		sum = 1 + missed;
		begin_steps();
		for (i = 0; i < 40; i++) {
			uint32_t ordinal = get_word(c, &missed);

			ASSERT(flags || !missed);
			sum += 1 + missed;
			ASSERT_EQ(ordinal, sum);
		}
		end_steps();
		for (;;)
			pause();
	}
	ASSERT_EQ(dmashm_queue_await(p, 1, PATIENCE), 0);
	ASSERT_EQ(try_put_word(p), 0);
	await_steps(pid);
	/* Not after each one, or an overwriting queue leaves no time to read. */
	do {
		if (!flags || rand_r(&seed) % 32 == 0)
			flood(p);
		steps++;
	} while (step(pid));
	dprintf(1, "# %u steps, %u frames\n", steps, published);
	leave(pid);
	kill_child(pid);
}

TEST(a_reader_misses_nothing_at_any_step)
{
	read_in_steps(0, 2);
	published = 0;
	read_in_steps(0, 5);
}

TEST(a_reader_is_not_overwritten_at_any_step)
{
	read_in_steps(DMASHM_OVERWRITE, 2);
	published = 0;
	read_in_steps(DMASHM_OVERWRITE, 5);
}

/* The next producer, which is killed after so many steps; false if it ended. */
static bool write_and_die(struct dmashm_buffer *buf, unsigned int flags,
			  uint32_t steps)
{
	pid_t pid = start_child();
	bool inside = true;
	int status;

	if (!pid) {
		struct dmashm_queue *q = produce(buf, 2, flags);

		begin_steps();
		(void)try_put_word(q);
		end_steps();
		for (;;)
			pause();
	}
	await_steps(pid);
	while (inside && steps--)
		inside = step(pid);
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	return inside;
}

/* Either the frame is there, or it never was. */
static void look_at_the_end(struct dmashm_queue *c)
{
	struct dmashm_frame frame;
	int err;

	err = dmashm_queue_get_begin(c, PATIENCE, &frame);
	ASSERT_EQ(frame.missed, 0);
	if (!err) {
		ASSERT_EQ(check_word(&frame), ++published);
		ASSERT_EQ(dmashm_queue_get_end(c), 0);
		err = dmashm_queue_get_begin(c, PATIENCE, &frame);
		ASSERT_EQ(frame.missed, 0);
	}
	ASSERT_EQ(err, -EOWNERDEAD);
}

static void die_writing(unsigned int flags)
{
	struct dmashm_buffer *buf = frames_buffer(2), *other = twin(buf);
	struct dmashm_queue *q = produce(buf, 2, flags), *c = consume(other);
	struct dmashm_frame frame;
	uint32_t steps = 0, i;
	bool inside;

	dmashm_queue_close(q);
	look_at_the_end(c);
	do {
		/* The bell is to be rung, every other time. */
		if (steps % 2)
			ASSERT_EQ(dmashm_queue_get_begin(c, in_ms(1), &frame), -ETIMEDOUT);
		inside = write_and_die(buf, flags, steps++);
		look_at_the_end(c);
	} while (inside);
	dprintf(1, "# %u deaths, %u frames\n", steps, published);
	ASSERT(published > 1 && published < steps);
	q = produce(buf, 2, flags);
	for (i = 0; i < 4; i++) {
		uint32_t missed;

		ASSERT_EQ(try_put_word(q), 0);
		ASSERT_EQ(get_word(c, &missed), published);
		ASSERT_EQ(missed, 0);
	}
}

TEST_LIMIT(a_writer_may_die_at_any_step, 110)
{
	die_writing(0);
}

TEST_LIMIT(an_overwriting_writer_may_die_at_any_step, 110)
{
	die_writing(DMASHM_OVERWRITE);
}

/* Whatever step it comes to, nothing is held after its death. */
TEST_LIMIT(a_reader_may_die_at_any_step, 110)
{
	struct dmashm_buffer *buf = frames_buffer(2);
	struct dmashm_queue *p = produce(buf, 2, 0);
	uint32_t steps = 0, i;
	bool inside = true;

	while (inside) {
		pid_t pid = start_child();
		uint32_t n;
		int status;

		if (!pid) {
			struct dmashm_queue *c = consume(buf);
			uint32_t missed;

			begin_steps();
			get_word(c, &missed);
			end_steps();
			for (;;)
				pause();
		}
		ASSERT_EQ(dmashm_queue_await(p, 1, PATIENCE), 0);
		ASSERT_EQ(try_put_word(p), 0);
		await_steps(pid);
		for (n = 0; inside && n < steps; n++)
			inside = step(pid);
		steps++;
		ASSERT_EQ(kill(pid, SIGKILL), 0);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		for (i = 0; i < 3; i++)
			ASSERT_EQ(try_put_word(p), 0);
	}
	dprintf(1, "# %u deaths\n", steps);
}
