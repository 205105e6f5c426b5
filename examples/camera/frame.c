// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "frame.h"

#include <time.h>

/* Event words of each frame's buffer; pool.c has others of the first one. */
enum { STATE, NUMBER, HELD, CAPTURED_AT = 4, DRAWN_AT = 6 };

static uint32_t get(const struct frame *frame, unsigned int word)
{
	return __atomic_load_n(dmashm_event(frame->buf, word), __ATOMIC_RELAXED);
}

static void set(struct frame *frame, unsigned int word, uint32_t value)
{
	__atomic_store_n(dmashm_event(frame->buf, word), value, __ATOMIC_RELAXED);
}

static uint64_t get_time(const struct frame *frame, unsigned int word)
{
	return get(frame, word) | (uint64_t)get(frame, word + 1) << 32;
}

static void set_time(struct frame *frame, unsigned int word, uint64_t ns)
{
	set(frame, word, (uint32_t)ns);
	set(frame, word + 1, (uint32_t)(ns >> 32));
}

enum frame_state frame_state(const struct frame *frame)
{
	/* Pairs with the release in frame_set_state(). */
	return __atomic_load_n(dmashm_event(frame->buf, STATE), __ATOMIC_ACQUIRE);
}

struct frame_facts frame_facts(const struct frame *frame)
{
	return (struct frame_facts){
		.number = get(frame, NUMBER),
		.held = get(frame, HELD),
		.captured = get_time(frame, CAPTURED_AT),
		.drawn = get_time(frame, DRAWN_AT),
	};
}

void frame_set_state(struct frame *frame, enum frame_state state)
{
	/* Pairs with the acquire in frame_state(): facts and picture first. */
	__atomic_store_n(dmashm_event(frame->buf, STATE), state, __ATOMIC_RELEASE);
}

void frame_advance(struct frame *frame, const struct frame_facts *facts,
		   enum frame_state state)
{
	set(frame, NUMBER, facts->number);
	set(frame, HELD, facts->held);
	set_time(frame, CAPTURED_AT, facts->captured);
	set_time(frame, DRAWN_AT, facts->drawn);
	frame_set_state(frame, state);
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
