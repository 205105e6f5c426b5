// SPDX-License-Identifier: MIT
/* Queues of frames: what they promise while everybody lives. */
#include "frames.h"

TEST(the_size_is_of_whole_pages)
{
	size_t page = page_size();

	ASSERT_EQ(dmashm_queue_size(2, 1), 2 * page);
	ASSERT_EQ(dmashm_queue_size(32, page), 32 * page);
	ASSERT_EQ(dmashm_queue_size(3, page + 1), 6 * page);
	ASSERT_EQ(dmashm_queue_size(1, 1), 0);
	ASSERT_EQ(dmashm_queue_size(33, 1), 0);
	ASSERT_EQ(dmashm_queue_size(2, 0), 0);
	ASSERT_EQ(dmashm_queue_size(2, (size_t)UINT32_MAX + 1), 0);
	ASSERT_EQ(dmashm_queue_size(2, SIZE_MAX), 0);
}

TEST(bad_arguments_are_refused)
{
	struct dmashm_buffer *buf = frames_buffer(4), *other = twin(buf);
	struct dmashm_queue *p, *c, *q = (void *)1;
	struct dmashm_frame frame;
	void *data;

	ASSERT_EQ(dmashm_queue_open(buf, &q), -ENOENT);
	ASSERT_EQ(dmashm_queue_open(buf, NULL), -EINVAL);
	ASSERT_EQ(dmashm_queue_create(buf, 1, FRAME_SIZE, 0, &q), -EINVAL);
	ASSERT_EQ(dmashm_queue_create(buf, 33, 1, 0, &q), -EINVAL);
	ASSERT_EQ(dmashm_queue_create(buf, 4, 0, 0, &q), -EINVAL);
	if (SIZE_MAX > UINT32_MAX)
		ASSERT_EQ(dmashm_queue_create(buf, 4, (size_t)UINT32_MAX + 2, 0, &q),
			  -EINVAL);
	ASSERT_EQ(dmashm_queue_create(buf, 5, FRAME_SIZE, 0, &q), -EINVAL);
	ASSERT_EQ(dmashm_queue_create(buf, 4, FRAME_SIZE, 2, &q), -EINVAL);
	ASSERT_EQ(dmashm_queue_create(buf, 4, FRAME_SIZE, 0, NULL), -EINVAL);
	ASSERT(q == (void *)1);
	dmashm_queue_close(NULL);
	p = produce(buf, 4, 0);
	c = consume(other);
	ASSERT_EQ(dmashm_queue_get_begin(p, 0, &frame), -EINVAL);
	ASSERT_EQ(dmashm_queue_get_end(p), -EINVAL);
	ASSERT_EQ(dmashm_queue_put_begin(c, 0, &data), -EINVAL);
	ASSERT_EQ(dmashm_queue_put_end(c, 0), -EINVAL);
	ASSERT_EQ(dmashm_queue_put_cancel(c), -EINVAL);
	ASSERT_EQ(dmashm_queue_finish(c), -EINVAL);
	ASSERT_EQ(dmashm_queue_await(c, 0, 0), -EINVAL);
	ASSERT_EQ(dmashm_queue_put_begin(p, 0, NULL), -EINVAL);
	ASSERT_EQ(dmashm_queue_get_begin(c, 0, NULL), -EINVAL);
	ASSERT_EQ(dmashm_queue_put_end(p, 0), -EPERM);
	ASSERT_EQ(dmashm_queue_put_cancel(p), -EPERM);
	ASSERT_EQ(dmashm_queue_get_end(c), -EPERM);
	ASSERT_EQ(try_put(p), 0);
	ASSERT_EQ(try_put(p), -EBUSY);
	ASSERT_EQ(dmashm_queue_finish(p), -EBUSY);
	ASSERT_EQ(dmashm_queue_put_end(p, FRAME_SIZE + 1), -EINVAL);
	ASSERT_EQ(dmashm_queue_put_end(p, FRAME_SIZE), 0);
	ASSERT_EQ(try_get(c), 0);
	ASSERT_EQ(try_get(c), -EBUSY);
	ASSERT_EQ(dmashm_queue_get_end(c), 0);
	ASSERT_EQ(try_get(c), -ETIMEDOUT);
}

TEST(frames_are_seen_where_they_lie)
{
	struct dmashm_buffer *buf = frames_buffer(2), *other = twin(buf);
	struct dmashm_queue *p = produce(buf, 2, 0), *c = consume(other);
	struct dmashm_frame frame;
	void *data;

	ASSERT_EQ(dmashm_queue_put_begin(p, 0, &data), 0);
	ASSERT_EQ((uintptr_t)data % page_size(), 0);
	strcpy(data, "asdf");
	ASSERT_EQ(try_get(c), -ETIMEDOUT);
	ASSERT_EQ(dmashm_queue_put_end(p, 5), 0);
	ASSERT_EQ(dmashm_queue_get_begin(c, 0, &frame), 0);
	ASSERT_EQ((uintptr_t)frame.data % page_size(), 0);
	ASSERT_EQ(strcmp(frame.data, "asdf"), 0);
	ASSERT_EQ(frame.length, 5);
	ASSERT_EQ(frame.ordinal, 1);
	ASSERT_EQ(frame.missed, 0);
	strcpy(data, "qwer");
	ASSERT_EQ(strcmp(frame.data, "qwer"), 0);
	ASSERT_EQ(dmashm_queue_get_end(c), 0);
	ASSERT_EQ(try_put(p), 0);
	ASSERT_EQ(dmashm_queue_put_cancel(p), 0);
	ASSERT_EQ(try_put(p), 0);
	ASSERT_EQ(dmashm_queue_put_end(p, 0), 0);
	ASSERT_EQ(dmashm_queue_get_begin(c, 0, &frame), 0);
	ASSERT_EQ(frame.length, 0);
	ASSERT_EQ(frame.ordinal, 2);
	ASSERT_EQ(frame.missed, 0);
}

TEST(deadlines_are_kept)
{
	struct dmashm_buffer *buf = frames_buffer(2), *other = twin(buf);
	struct dmashm_queue *p = produce(buf, 2, 0), *c;
	struct dmashm_frame frame;
	uint64_t begin;
	void *data;

	ASSERT_EQ(dmashm_queue_await(p, 0, 0), 0);
	ASSERT_EQ(dmashm_queue_await(p, 1, in_ms(30)), -ETIMEDOUT);
	c = consume(other);
	ASSERT_EQ(dmashm_queue_await(p, 1, 0), 0);
	begin = now_ns();
	ASSERT_EQ(dmashm_queue_get_begin(c, in_ms(50), &frame), -ETIMEDOUT);
	ASSERT(now_ns() - begin >= 50 * 1000000);
	put(p, 1);
	put(p, 2);
	begin = now_ns();
	ASSERT_EQ(dmashm_queue_put_begin(p, in_ms(50), &data), -ETIMEDOUT);
	ASSERT(now_ns() - begin >= 50 * 1000000);
	get(c, 1);
	put(p, 3);
	get(c, 2);
	get(c, 3);
}

static void get_all(struct dmashm_buffer *buf, struct milestone here, uint32_t frames)
{
	struct dmashm_queue *q = consume(buf);
	struct dmashm_frame frame;
	uint32_t i;

	reach(here);
	for (i = 0; i < frames; i++)
		get(q, i);
	ASSERT_EQ(dmashm_queue_get_begin(q, PATIENCE, &frame), -EPIPE);
	ASSERT_EQ(frame.missed, 0);
	dmashm_queue_close(q);
	_exit(0);
}

static void all_see_all(int consumers, unsigned int count, uint32_t frames)
{
	struct dmashm_buffer *buf = frames_buffer(count);
	struct dmashm_queue *p = produce(buf, count, 0);
	struct milestone here = milestone();
	pid_t pid[4];
	uint32_t i;
	int n;

	for (n = 0; n < consumers; n++) {
		pid[n] = start_child();
		if (!pid[n])
			get_all(buf, here, frames);
	}
	ASSERT_EQ(dmashm_queue_await(p, (unsigned int)consumers, PATIENCE), 0);
	for (i = 0; i < frames; i++)
		put(p, i);
	ASSERT_EQ(dmashm_queue_finish(p), 0);
	ASSERT_EQ(try_put(p), -EPIPE);
	for (n = 0; n < consumers; n++)
		wait_child(pid[n]);
}

TEST(one_consumer_sees_all_in_order)
{
	all_see_all(1, 2, 5000);
	all_see_all(1, 32, 5000);
}

TEST(four_consumers_see_all_in_order)
{
	all_see_all(4, 2, 1000);
	all_see_all(4, 8, 3000);
}

/* Sums up to what was published, whatever was seen of it. */
static void get_some(struct dmashm_buffer *buf, unsigned int pause, uint32_t frames)
{
	struct dmashm_queue *q = consume(buf);
	uint32_t seen = 0, missed = 0, last = 0;
	struct dmashm_frame frame;
	int err;

	while (!(err = dmashm_queue_get_begin(q, PATIENCE, &frame))) {
		uint32_t number = read_frame(&frame);

		seen++;
		missed += frame.missed;
		ASSERT_EQ(number, seen + missed - 1);
		ASSERT_EQ(frame.ordinal, last + 1 + frame.missed);
		last = frame.ordinal;
		if (pause)
			sleep_ms(pause);
		ASSERT_EQ(read_frame(&frame), number);
		ASSERT_EQ(dmashm_queue_get_end(q), 0);
	}
	ASSERT_EQ(err, -EPIPE);
	ASSERT_EQ(seen + missed + frame.missed, frames);
	if (pause)
		ASSERT(missed > 0);
	ASSERT(seen > 0);
	_exit(0);
}

static void some_are_missed(unsigned int count, uint32_t frames)
{
	static const unsigned int pauses[] = { 0, 0, 3, 50 };
	struct dmashm_buffer *buf = frames_buffer(count);
	struct dmashm_queue *p = produce(buf, count, DMASHM_OVERWRITE);
	pid_t pid[4];
	uint32_t i;
	int n;

	for (n = 0; n < 4; n++) {
		pid[n] = start_child();
		if (!pid[n])
			get_some(buf, pauses[n], frames);
	}
	ASSERT_EQ(dmashm_queue_await(p, 4, PATIENCE), 0);
	for (i = 0; i < frames; i++)
		put(p, i);
	ASSERT_EQ(dmashm_queue_finish(p), 0);
	for (n = 0; n < 4; n++)
		wait_child(pid[n]);
}

TEST(what_is_overwritten_is_counted)
{
	some_are_missed(2, 3000);
	some_are_missed(6, 10000);
}

/* Small frames, so that the producer comes round as often as can be. */
TEST(nothing_is_overwritten_while_it_is_read)
{
	struct dmashm_buffer *buf = frames_buffer(2);
	struct dmashm_queue *p, *c;
	uint32_t i = 0, seen = 0;
	pid_t pid;

	p = produce(buf, 2, DMASHM_OVERWRITE);
	pid = start_child();
	if (!pid) {
		struct dmashm_frame frame;

		c = consume(buf);
		while (!dmashm_queue_get_begin(c, PATIENCE, &frame)) {
			const volatile uint32_t *word = frame.data;
			uint32_t number = word[0];

			ASSERT_EQ(number, frame.ordinal);
			ASSERT_EQ(word[1], number);
			ASSERT_EQ(frame.length, 8 + number % 1000);
			ASSERT_EQ(word[0], number);
			ASSERT_EQ(dmashm_queue_get_end(c), 0);
			seen++;
		}
		ASSERT(seen > 100);
		_exit(0);
	}
	ASSERT_EQ(dmashm_queue_await(p, 1, PATIENCE), 0);
	for (i = 1; i <= 300000; i++) {
		uint32_t *word;

		ASSERT_EQ(dmashm_queue_put_begin(p, PATIENCE, (void **)&word), 0);
		word[0] = i;
		word[1] = i;
		ASSERT_EQ(dmashm_queue_put_end(p, 8 + i % 1000), 0);
	}
	ASSERT_EQ(dmashm_queue_finish(p), 0);
	wait_child(pid);
}

TEST(all_frames_pinned_is_a_time_out)
{
	struct dmashm_buffer *buf = frames_buffer(2), *a = twin(buf), *b = twin(buf);
	struct dmashm_queue *p = produce(buf, 2, DMASHM_OVERWRITE);
	struct dmashm_queue *c = consume(a), *d = consume(b);
	struct dmashm_frame frame;

	put(p, 0);
	ASSERT_EQ(try_get(c), 0);
	put(p, 1);
	put(p, 2);	/* over 1: 0 is being read */
	ASSERT_EQ(dmashm_queue_get_begin(d, 0, &frame), 0);
	ASSERT_EQ(frame.ordinal, 1);	/* it is there still */
	ASSERT_EQ(dmashm_queue_get_end(d), 0);
	ASSERT_EQ(dmashm_queue_get_begin(d, 0, &frame), 0);
	ASSERT_EQ(frame.ordinal, 3);
	ASSERT_EQ(frame.missed, 1);
	ASSERT_EQ(try_put(p), -ETIMEDOUT);
	ASSERT_EQ(dmashm_queue_get_end(c), 0);
	ASSERT_EQ(try_put(p), 0);
	ASSERT_EQ(read_frame(&frame), 2);
}

TEST(who_comes_late_begins_with_the_next)
{
	struct dmashm_buffer *buf = frames_buffer(4);
	struct dmashm_queue *p = produce(buf, 4, 0), *c, *d;

	put(p, 0);
	c = consume(twin(buf));
	put(p, 1);
	d = consume(twin(buf));
	put(p, 2);
	get(c, 1);
	get(d, 2);
	get(c, 2);
	ASSERT_EQ(try_get(c), -ETIMEDOUT);
	ASSERT_EQ(try_get(d), -ETIMEDOUT);
}

/* Whoever comes while the producer is at full speed misses nothing from there. */
TEST(who_comes_at_full_speed_misses_nothing)
{
	struct dmashm_buffer *buf = frames_buffer(2);
	struct dmashm_queue *p, *c;
	struct dmashm_frame frame;
	uint32_t i, n, first;
	pid_t pid;

	p = produce(buf, 2, 0);
	pid = start_child();
	if (!pid) {
		for (i = 0; i < 2000; i++) {
			c = consume(buf);
			ASSERT_EQ(dmashm_queue_get_begin(c, PATIENCE, &frame), 0);
			first = frame.ordinal;
			ASSERT_EQ(frame.missed, 0);
			ASSERT_EQ(dmashm_queue_get_end(c), 0);
			for (n = 1; n < 3; n++) {
				ASSERT_EQ(dmashm_queue_get_begin(c, PATIENCE, &frame), 0);
				ASSERT_EQ(frame.ordinal, first + n);
				ASSERT_EQ(frame.missed, 0);
				ASSERT_EQ(dmashm_queue_get_end(c), 0);
			}
			dmashm_queue_close(c);
		}
		store(dmashm_event(buf, 0), 1);
		_exit(0);
	}
	while (!load(dmashm_event(buf, 0))) {
		int err = try_put(p);

		if (!err)
			err = dmashm_queue_put_end(p, 8);
		ASSERT(!err || err == -ETIMEDOUT);
	}
	wait_child(pid);
}

/* One that is just arriving holds all back, until it has said where it is. */
TEST(who_arrives_holds_all_back)
{
	struct dmashm_buffer *buf = frames_buffer(2), *other = twin(buf);
	struct dmashm_queue *p = produce(buf, 2, 0), *c = consume(other);
	uint32_t *slot = slot_words(buf, slot_of(dmashm_member_fd(other)));

	put(p, 0);
	put(p, 1);
	get(c, 0);
	get(c, 1);
	ASSERT(slot[1] && slot[2] == 3);
	store(&slot[2], 0);
	ASSERT_EQ(try_put(p), -ETIMEDOUT);
	store(&slot[2], 3);
	ASSERT_EQ(try_put(p), 0);
}

TEST(there_is_one_producer)
{
	struct dmashm_buffer *buf = frames_buffer(2), *other = twin(buf);
	struct dmashm_queue *p = produce(buf, 2, 0), *q;
	int round;

	ASSERT_EQ(dmashm_queue_create(other, 2, FRAME_SIZE, 0, &q), -EBUSY);
	ASSERT_EQ(dmashm_queue_create(buf, 2, FRAME_SIZE, 0, &q), -EBUSY);
	ASSERT_EQ(dmashm_queue_open(buf, &q), -EBUSY);
	dmashm_queue_close(p);
	ASSERT_EQ(dmashm_queue_create(other, 2, FRAME_SIZE - 1, 0, &q), -EEXIST);
	ASSERT_EQ(dmashm_queue_create(other, 2, FRAME_SIZE, DMASHM_OVERWRITE, &q), -EEXIST);
	for (round = 0; round < 20; round++) {
		p = produce(other, 2, 0);
		ASSERT_EQ(dmashm_queue_create(buf, 2, FRAME_SIZE, 0, &q), -EBUSY);
		dmashm_queue_close(p);
		p = produce(buf, 2, 0);
		ASSERT_EQ(dmashm_queue_create(other, 2, FRAME_SIZE, 0, &q), -EBUSY);
		dmashm_queue_close(p);
	}
}

TEST(finished_is_not_for_ever)
{
	struct dmashm_buffer *buf = frames_buffer(4), *other = twin(buf);
	struct dmashm_queue *p = produce(buf, 4, 0), *c = consume(other);
	struct dmashm_frame frame;

	put(p, 0);
	ASSERT_EQ(dmashm_queue_finish(p), 0);
	ASSERT_EQ(dmashm_queue_finish(p), 0);
	dmashm_queue_close(p);
	get(c, 0);
	ASSERT_EQ(dmashm_queue_get_begin(c, DMASHM_NEVER, &frame), -EPIPE);
	ASSERT_EQ(dmashm_queue_get_begin(c, DMASHM_NEVER, &frame), -EPIPE);
	ASSERT(!frame.data && !frame.length && !frame.missed);
	p = produce(buf, 4, 0);
	ASSERT_EQ(try_get(c), -ETIMEDOUT);
	put(p, 1);
	ASSERT_EQ(dmashm_queue_get_begin(c, 0, &frame), 0);
	ASSERT_EQ(frame.ordinal, 2);
}

/* As a death: told once, then one waits for another producer. */
TEST(closing_without_finishing_is_told_once)
{
	struct dmashm_buffer *buf = frames_buffer(4), *other = twin(buf);
	struct dmashm_queue *p = produce(buf, 4, 0), *c = consume(other);
	int round;

	for (round = 0; round < 3; round++) {
		put(p, 0);
		dmashm_queue_close(p);
		get(c, 0);
		ASSERT_EQ(try_get(c), -EOWNERDEAD);
		ASSERT_EQ(try_get(c), -ETIMEDOUT);
		p = produce(buf, 4, 0);
	}
}

TEST(what_was_missed_at_the_end_is_told)
{
	struct dmashm_buffer *buf = frames_buffer(2), *a = twin(buf), *b = twin(buf);
	struct dmashm_queue *p = produce(buf, 2, DMASHM_OVERWRITE);
	struct dmashm_queue *c = consume(a), *d = consume(b);
	struct dmashm_frame frame;

	put(p, 0);
	ASSERT_EQ(try_get(c), 0);
	put(p, 1);
	ASSERT_EQ(try_put(p), 0);	/* 1 is lost for it */
	ASSERT_EQ(dmashm_queue_put_cancel(p), 0);
	ASSERT_EQ(dmashm_queue_finish(p), 0);
	get(d, 0);
	ASSERT_EQ(dmashm_queue_get_begin(d, 0, &frame), -EPIPE);
	ASSERT_EQ(frame.missed, 1);
	ASSERT_EQ(dmashm_queue_get_begin(d, 0, &frame), -EPIPE);
	ASSERT_EQ(frame.missed, 0);
}

TEST(ordinals_wrap)
{
	struct dmashm_buffer *buf = frames_buffer(4), *other = twin(buf);
	struct dmashm_queue *p = produce(buf, 4, DMASHM_OVERWRITE), *c;
	struct dmashm_frame frame;
	uint32_t i, sum = 0;

	dmashm_queue_close(p);
	store(library_word(buf, 18), UINT32_MAX - 10);
	p = produce(buf, 4, DMASHM_OVERWRITE);
	c = consume(other);
	for (i = 0; i < 20; i++) {
		put(p, i);
		if (i % 7)
			continue;
		while (!dmashm_queue_get_begin(c, 0, &frame)) {
			sum += 1 + frame.missed;
			ASSERT_EQ(read_frame(&frame), sum - 1);
			ASSERT_EQ(dmashm_queue_get_end(c), 0);
		}
		ASSERT_EQ(sum, i + 1);
	}
	dmashm_queue_close(c);
	dmashm_queue_close(p);
	ASSERT_EQ(load(library_word(buf, 18)), 10);
}
