// SPDX-License-Identifier: MIT
/*
 * Queues of frames, one instruction at a time: one party is traced through a
 * call, and after each of its steps the other side does all it can, or the one
 * is killed. So what may come between two instructions does come.
 */
#include <sched.h>
#include <sys/ptrace.h>

#include "frames.h"

/* On one CPU the two take turns at a fraction of the time. */
static pid_t start_traced(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
	return start_child();
}

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

/* It does not sleep: that would be one step, with no end to it. */
static uint32_t get_word(struct dmashm_queue *q, uint32_t *missed)
{
	struct dmashm_frame frame;
	uint32_t ordinal;
	int err;

	while ((err = dmashm_queue_get_begin(q, 0, &frame)) == -ETIMEDOUT)
		;
	ASSERT_EQ(err, 0);
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
	pid_t pid = start_traced();
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
	pid_t pid = start_traced();
	uint32_t steps = 0;

	if (!pid) {
		uint32_t i, missed, sum = 0;
		struct dmashm_queue *c = consume(buf);

		get_word(c, &missed);
		sum = 1 + missed;
		begin_steps();
		for (i = 0; i < (flags ? 5 : 12); i++) {
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
	/* Not after each one, or it would be before the look for the next. */
	do {
		if (rand_r(&seed) % 32 == 0)
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

/*
 * What a death leaves behind is what the words are then; so all that differs
 * is after which of their changes it comes.
 */
static bool step_to_change(pid_t pid, const uint32_t *words, uint32_t *before)
{
	while (step(pid)) {
		if (!memcmp(words, before, DMASHM_WORDS_SIZE))
			continue;
		memcpy(before, words, DMASHM_WORDS_SIZE);
		return true;
	}
	return false;
}

/* To its n-th change, then to its end; false if it has not so many. */
static bool step_and_kill(pid_t pid, struct dmashm_buffer *buf, int n)
{
	const uint32_t *words = dmashm_event(buf, 0) - DMASHM_OFF_EVENTS / 4;
	static uint32_t before[DMASHM_WORDS_SIZE / 4];
	bool inside = true;
	int status;

	memcpy(before, words, sizeof(before));
	while (inside && n--)
		inside = step_to_change(pid, words, before);
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	return inside;
}

static pid_t start_writer(struct dmashm_buffer *buf, unsigned int flags)
{
	pid_t pid = start_traced();

	if (!pid) {
		struct dmashm_queue *q;

		ASSERT_EQ(dmashm_lock(buf), 0);	/* joins */
		ASSERT_EQ(dmashm_unlock(buf), 0);
		begin_steps();
		q = produce(buf, 2, flags);
		(void)try_put_word(q);
		end_steps();
		for (;;)
			pause();
	}
	await_steps(pid);
	return pid;
}

/* Either the frame is there, or it never was. */
static void look_at_the_end(struct dmashm_queue *c)
{
	struct dmashm_frame frame;
	int err;

	while (!(err = dmashm_queue_get_begin(c, in_ms(1), &frame))) {
		ASSERT_EQ(frame.missed, 0);
		ASSERT_EQ(check_word(&frame), ++published);
		ASSERT_EQ(dmashm_queue_get_end(c), 0);
	}
	/* The last, if the writer died before it had taken the place. */
	ASSERT(err == -EOWNERDEAD || err == -ETIMEDOUT);
	if (err == -EOWNERDEAD)
		ASSERT_EQ(frame.missed, 0);
}

static void die_writing(unsigned int flags)
{
	struct dmashm_buffer *buf = frames_buffer(2), *other = twin(buf);
	struct dmashm_queue *q = produce(buf, 2, flags), *c = consume(other);
	uint32_t i, missed, was, seen = 0;
	bool inside = true;
	int n;

	dmashm_queue_close(q);
	look_at_the_end(c);
	/* From some change on, each one's frame is there. */
	for (n = 1; inside; n++) {
		was = published;
		inside = step_and_kill(start_writer(buf, flags), buf, n);
		look_at_the_end(c);
		ASSERT(published - was >= seen);
		seen = published - was;
	}
	ASSERT_EQ(seen, 1);
	dprintf(1, "# %d deaths, %u frames\n", n, published);
	ASSERT(n > 5 && published > 1);
	q = produce(buf, 2, flags);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(try_put_word(q), 0);
		ASSERT_EQ(get_word(c, &missed), published);
		ASSERT_EQ(missed, 0);
	}
}

TEST(a_writer_may_die_at_any_step)
{
	die_writing(0);
}

TEST(an_overwriting_writer_may_die_at_any_step)
{
	die_writing(DMASHM_OVERWRITE);
}

TEST(a_maker_may_die_at_any_step)
{
	bool inside = true;
	int n;

	for (n = 1; inside; n++) {
		struct dmashm_buffer *buf = frames_buffer(2), *other = twin(buf);
		struct dmashm_queue *p, *c;

		inside = step_and_kill(start_writer(buf, 0), buf, n);
		p = produce(buf, 2, 0);
		c = consume(other);
		put(p, 0);
		get(c, 0);
		dmashm_queue_close(c);
		dmashm_queue_close(p);
		dmashm_close(other);
		dmashm_close(buf);
	}
	ASSERT(n > 8);
}

static pid_t start_reader(struct dmashm_buffer *buf, bool come)
{
	pid_t pid = start_traced();

	if (!pid) {
		struct dmashm_queue *c;
		uint32_t missed;

		ASSERT_EQ(dmashm_lock(buf), 0);	/* joins */
		ASSERT_EQ(dmashm_unlock(buf), 0);
		if (come)
			begin_steps();
		c = consume(buf);
		if (!come) {
			begin_steps();
			get_word(c, &missed);
			dmashm_queue_close(c);
		}
		end_steps();
		for (;;)
			pause();
	}
	return pid;
}

/* Whatever step it comes to, nothing is held after its death. */
static void die_reading(bool come)
{
	struct dmashm_buffer *buf = frames_buffer(2);
	struct dmashm_queue *p = produce(buf, 2, 0);
	bool inside = true;
	int n, i;

	for (n = 1; inside; n++) {
		pid_t pid = start_reader(buf, come);

		if (!come) {
			ASSERT_EQ(dmashm_queue_await(p, 1, PATIENCE), 0);
			ASSERT_EQ(try_put_word(p), 0);
		}
		await_steps(pid);
		inside = step_and_kill(pid, buf, n);
		for (i = 0; i < 3; i++)
			ASSERT_EQ(try_put_word(p), 0);
	}
	ASSERT(n > 4);
}

TEST(a_reader_may_die_at_any_step)
{
	die_reading(false);
}

TEST(one_that_comes_may_die_at_any_step)
{
	die_reading(true);
}
