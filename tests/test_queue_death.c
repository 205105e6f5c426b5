// SPDX-License-Identifier: MIT
/* Queues of frames: parties that die, stop, or write nonsense. */
#include "frames.h"

static pid_t start_reader(struct dmashm_buffer *buf, struct milestone here)
{
	pid_t pid = start_child();

	if (!pid) {
		struct dmashm_queue *q = consume(buf);
		struct dmashm_frame frame;

		reach(here);
		ASSERT_EQ(dmashm_queue_get_begin(q, PATIENCE, &frame), 0);
		read_frame(&frame);
		reach(here);
		for (;;)
			pause();
	}
	return pid;
}

/* It holds a frame, and all that come after. */
TEST(a_dead_reader_holds_nothing_back)
{
	struct dmashm_buffer *buf = frames_buffer(2);
	struct dmashm_queue *p = produce(buf, 2, 0);
	struct milestone here = milestone();
	int round;

	for (round = 0; round < 20; round++) {
		pid_t pid = start_reader(buf, here);

		await(here);
		put(p, 0);
		put(p, 1);
		await(here);
		ASSERT_EQ(try_put(p), -ETIMEDOUT);
		kill_child(pid);
		put(p, 2);
		put(p, 3);
		put(p, 4);
	}
}

TEST(a_dead_reader_leaves_its_frame)
{
	struct dmashm_buffer *buf = frames_buffer(2);
	struct dmashm_queue *p = produce(buf, 2, DMASHM_OVERWRITE);
	struct milestone here = milestone();
	int round;

	for (round = 0; round < 20; round++) {
		pid_t pid[2] = { start_reader(buf, here) };
		uint32_t i;

		await(here);
		put(p, 0);
		await(here);
		for (i = 1; i < 10; i++)
			put(p, i);
		pid[1] = start_reader(buf, here);
		await(here);
		put(p, 10);
		await(here);
		ASSERT_EQ(try_put(p), -ETIMEDOUT);
		kill_child(pid[0]);
		put(p, 11);
		kill_child(pid[1]);
		put(p, 12);
		put(p, 13);
	}
}

/* Who sleeps for room is woken when the one who kept it dies. */
TEST(a_sleeping_producer_hears_of_a_death)
{
	struct dmashm_buffer *buf = frames_buffer(2);
	struct dmashm_queue *p = produce(buf, 2, 0);
	struct milestone here = milestone();
	int round;

	for (round = 0; round < 10; round++) {
		pid_t killer, pid = start_reader(buf, here);
		int status;

		await(here);
		put(p, 0);
		put(p, 1);
		await(here);
		killer = start_child();
		if (!killer) {
			sleep_ms(50);
			kill(pid, SIGKILL);
			_exit(0);
		}
		put(p, 2);
		wait_child(killer);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
	}
}

/* It publishes three frames and dies in the middle of the fourth. */
static pid_t start_writer(struct dmashm_buffer *buf, struct milestone here,
			  unsigned int flags)
{
	pid_t pid = start_child();

	if (!pid) {
		struct dmashm_queue *q;
		uint32_t i;
		void *data;

		/* The place is free a moment after the death before. */
		while (dmashm_queue_create(buf, 4, FRAME_SIZE, flags, &q))
			sleep_ms(1);
		for (i = 0; i < 3; i++)
			put(q, i);
		ASSERT_EQ(dmashm_queue_put_begin(q, PATIENCE, &data), 0);
		memset(data, 0xff, 100);
		reach(here);
		for (;;)
			pause();
	}
	return pid;
}

static void writers_come_and_go(unsigned int flags)
{
	struct dmashm_buffer *buf = frames_buffer(4);
	struct milestone here = milestone();
	struct dmashm_queue *q = produce(buf, 4, flags);
	struct dmashm_buffer *other = twin(buf);
	struct dmashm_queue *c = consume(other);
	uint32_t round, i;

	dmashm_queue_close(q);
	ASSERT_EQ(try_get(c), -EOWNERDEAD);
	for (round = 0; round < 20; round++) {
		pid_t pid = start_writer(buf, here, flags);
		struct dmashm_frame frame;

		await(here);
		ASSERT_EQ(dmashm_queue_create(buf, 4, FRAME_SIZE, flags, &q), -EBUSY);
		for (i = 0; i < 3; i++) {
			ASSERT_EQ(dmashm_queue_get_begin(c, PATIENCE, &frame), 0);
			ASSERT_EQ(frame.ordinal, 3 * round + i + 1);
			ASSERT_EQ(frame.missed, 0);
			ASSERT_EQ(read_frame(&frame), i);
			ASSERT_EQ(dmashm_queue_get_end(c), 0);
		}
		ASSERT_EQ(try_get(c), -ETIMEDOUT);
		kill_child(pid);
		ASSERT_EQ(dmashm_queue_get_begin(c, PATIENCE, &frame), -EOWNERDEAD);
		ASSERT_EQ(frame.missed, 0);
		ASSERT_EQ(try_get(c), -ETIMEDOUT);
	}
	/* All four frames are to be had again. */
	q = produce(buf, 4, flags);
	for (i = 0; i < 4; i++)
		put(q, i);
	for (i = 0; i < 4; i++)
		get(c, i);
}

TEST(half_a_frame_is_never_seen)
{
	writers_come_and_go(0);
}

TEST(half_a_frame_is_never_seen_overwriting)
{
	writers_come_and_go(DMASHM_OVERWRITE);
}

/* Between the frame's ordinal and the head; a death cannot be put there. */
TEST(a_frame_that_the_head_has_not_is_counted)
{
	struct dmashm_buffer *buf = frames_buffer(4), *other = twin(buf);
	struct dmashm_queue *p = produce(buf, 4, 0), *c = consume(other);
	struct dmashm_frame frame;

	put(p, 0);
	put(p, 1);
	store(library_word(buf, 18), 1);
	dmashm_queue_close(p);
	get(c, 0);
	get(c, 1);
	ASSERT_EQ(try_get(c), -EOWNERDEAD);
	p = produce(buf, 4, 0);
	put(p, 2);
	ASSERT_EQ(dmashm_queue_get_begin(c, 0, &frame), 0);
	ASSERT_EQ(frame.ordinal, 3);
	ASSERT_EQ(frame.missed, 0);
}

/* Marked as free by a producer that died, before it saw that it is pinned. */
TEST(a_pinned_frame_is_not_taken_though_free)
{
	struct dmashm_buffer *buf = frames_buffer(2), *other = twin(buf);
	struct dmashm_queue *p = produce(buf, 2, DMASHM_OVERWRITE), *c = consume(other);
	struct dmashm_frame frame;

	put(p, 0);
	ASSERT_EQ(dmashm_queue_get_begin(c, 0, &frame), 0);
	store(library_word(buf, 32), 0);
	put(p, 1);
	put(p, 2);
	ASSERT_EQ(read_frame(&frame), 0);
}

TEST(a_stopped_reader)
{
	struct milestone here = milestone();
	unsigned int flags;

	for (flags = 0; flags <= DMASHM_OVERWRITE; flags++) {
		struct dmashm_buffer *buf = frames_buffer(3);
		struct dmashm_queue *p = produce(buf, 3, flags);
		pid_t pid = start_reader(buf, here);
		uint32_t i;
		void *data;

		await(here);
		put(p, 0);
		await(here);
		ASSERT_EQ(kill(pid, SIGSTOP), 0);
		for (i = 0; i < (flags ? 1000 : 2); i++)
			put(p, 0);
		ASSERT_EQ(dmashm_queue_put_begin(p, in_ms(50), &data),
			  flags ? 0 : -ETIMEDOUT);
		ASSERT_EQ(kill(pid, SIGCONT), 0);
		kill_child(pid);
	}
}

/* What a caller may get to see when another one breaks the rules. */
static bool is_an_answer(int err)
{
	return !err || err == -ETIMEDOUT || err == -EPROTO || err == -EPIPE ||
	       err == -EOWNERDEAD;
}

static void scribble(struct dmashm_buffer *buf)
{
	unsigned int seed = 1;

	for (;;) {
		unsigned int n = (unsigned int)rand_r(&seed);
		uint32_t value = (uint32_t)rand_r(&seed) * 3u;
		uint32_t *word = n & 1 ? library_word(buf, n / 2 % 96) :
			slot_words(buf, n / 2 % 8) + n / 16 % 15 + 1;

		/* Small values are the ones that look sound. */
		store(word, n & 0x10000 ? value : value % 40);
		/* Whose slots the producer looks at: the words before. */
		if (!(n & 0xf00000))
			store(library_word(buf, 0) - 16 + (n & 1), value);
	}
}

/* What lies outside the mapping is a crash. */
static void use_anyhow(struct dmashm_queue *p, struct dmashm_queue *c)
{
	struct dmashm_frame frame;
	void *data;
	int err;

	err = dmashm_queue_put_begin(p, in_ms(2), &data);
	ASSERT(is_an_answer(err));
	if (!err) {
		memset(data, 1, FRAME_SIZE);
		ASSERT(is_an_answer(dmashm_queue_put_end(p, FRAME_SIZE)));
	}
	err = dmashm_queue_get_begin(c, in_ms(2), &frame);
	ASSERT(is_an_answer(err));
	if (!err) {
		ASSERT(frame.length <= FRAME_SIZE);
		(void)*(const volatile char *)frame.data;
		(void)((const volatile char *)frame.data)[FRAME_SIZE - 1];
		ASSERT_EQ(dmashm_queue_get_end(c), 0);
	}
}

TEST(nonsense_in_the_words_harms_nobody)
{
	struct dmashm_buffer *buf = frames_buffer(4), *a = twin(buf), *b = twin(buf);
	uint64_t end = in_ms(8000);
	pid_t pid;

	dmashm_queue_close(produce(buf, 4, 0));
	pid = start_child();
	if (!pid)
		scribble(buf);
	while (now_ns() < end) {
		struct dmashm_queue *p = NULL, *c = NULL;
		int i, err;

		err = dmashm_queue_create(a, 4, FRAME_SIZE, now_ns() & 1, &p);
		ASSERT(is_an_answer(err) || err == -EBUSY || err == -EEXIST);
		err = dmashm_queue_open(b, &c);
		ASSERT(is_an_answer(err) || err == -EBUSY || err == -ENOENT);
		for (i = 0; p && c && i < 20; i++)
			use_anyhow(p, c);
		dmashm_queue_close(c);
		dmashm_queue_close(p);
	}
	kill_child(pid);
}

/*
 * The storm: everybody may die at any moment, and another one comes.
 */
#define STOP	0	/* an event word */
#define PARTIES	4

static bool is_over(struct dmashm_buffer *buf)
{
	return load(dmashm_event(buf, STOP));
}

static void produce_in_storm(struct dmashm_buffer *buf, unsigned int flags)
{
	unsigned int seed = (unsigned int)getpid();
	struct dmashm_queue *q;
	uint64_t end = PATIENCE;
	int err;

	/* The one before may not be gone yet. */
	while ((err = dmashm_queue_create(buf, 4, FRAME_SIZE, flags, &q))) {
		ASSERT_EQ(err, -EBUSY);
		ASSERT(now_ns() < end);
		sleep_ms(1);
	}
	while (!is_over(buf))
		put(q, (uint32_t)rand_r(&seed));
	ASSERT_EQ(dmashm_queue_finish(q), 0);
	_exit(0);
}

static void consume_in_storm(struct dmashm_buffer *buf, unsigned int flags)
{
	struct dmashm_queue *q = consume(buf);
	struct dmashm_frame frame;
	uint32_t last = 0;
	int err;

	while ((err = dmashm_queue_get_begin(q, PATIENCE, &frame)) != -EPIPE) {
		if (err == -EOWNERDEAD)
			continue;
		ASSERT_EQ(err, 0);
		read_frame(&frame);
		if (!flags)
			ASSERT_EQ(frame.missed, 0);
		if (last)
			ASSERT_EQ(frame.ordinal, last + 1 + frame.missed);
		last = frame.ordinal;
		ASSERT_EQ(dmashm_queue_get_end(q), 0);
	}
	_exit(0);
}

static pid_t start_party(struct dmashm_buffer *buf, int n, unsigned int flags)
{
	pid_t pid = start_child();

	if (pid)
		return pid;
	if (n)
		consume_in_storm(buf, flags);
	produce_in_storm(buf, flags);
	_exit(1);
}

static void storm(unsigned int flags, int rounds)
{
	struct dmashm_buffer *buf = frames_buffer(4);
	unsigned int seed = (unsigned int)now_ns();
	pid_t pid[PARTIES];
	int i, n;

	dprintf(1, "# seed %u\n", seed);
	dmashm_queue_close(produce(buf, 4, flags));
	for (n = 0; n < PARTIES; n++)
		pid[n] = start_party(buf, n, flags);
	for (i = 0; i < rounds; i++) {
		sleep_ms((unsigned int)rand_r(&seed) % 30);
		n = rand_r(&seed) % PARTIES;
		kill_child(pid[n]);
		pid[n] = start_party(buf, n, flags);
	}
	sleep_ms(200);
	ASSERT(load(library_word(buf, 18)) > (uint32_t)rounds);
	dprintf(1, "# %u frames, %d deaths\n", load(library_word(buf, 18)), rounds);
	store(dmashm_event(buf, STOP), 1);
	for (n = 0; n < PARTIES; n++)
		wait_child(pid[n]);
}

TEST_LIMIT(a_storm_of_deaths, 90)
{
	storm(0, 150);
}

TEST_LIMIT(a_storm_of_deaths_overwriting, 90)
{
	storm(DMASHM_OVERWRITE, 150);
}
