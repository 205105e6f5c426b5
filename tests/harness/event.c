// SPDX-License-Identifier: MIT
/* Sleeping on event words without a deadline: no wake is lost. */
#include <ktap.h>
#include <limits.h>

#include "crew.h"
#include "data.h"

#define CLOSED		0x80000000u
#define PATIENCE_NS	15000000000u
#define PLAYERS_MAX	6

static struct crew crew;
static unsigned int players;
static uint32_t progress;		/* atomic */

static uint32_t *event(unsigned int n)
{
	return dmashm_event(&crew.party[0].buf, n);
}

static uint32_t value(unsigned int n)
{
	return __atomic_load_n(event(n), __ATOMIC_RELAXED);
}

static void advance(struct worker *worker)
{
	worker->took++;
	__atomic_add_fetch(&progress, 1, __ATOMIC_RELAXED);
}

/* While all still sleep without end, the game must go on. */
static void see_progress(const struct crew *of)
{
	uint32_t seen = __atomic_load_n(&progress, __ATOMIC_RELAXED);
	uint64_t late = task_now() + PATIENCE_NS;

	while (__atomic_load_n(&progress, __ATOMIC_RELAXED) - seen < 3) {
		if (task_now() > late)
			crew_fail(of, "a wake was lost");
		crew_sleep_us(100);
	}
}

static void close_events(struct crew *of)
{
	unsigned int n;

	see_progress(of);
	for (n = 0; n < 2; n++) {
		__atomic_fetch_or(event(n), CLOSED, __ATOMIC_RELAXED);
		ASSERT(dmashm_wake(&of->party[0].buf, n, INT_MAX) >= 0);
	}
}

static bool closed(unsigned int n)
{
	return value(n) & CLOSED;
}

static void shift(void (*work)(struct worker *), unsigned int tokens)
{
	unsigned int parties = 1 + step_random() % 4, n;
	enum step_pace pace = step_random() % 3;

	crew_form(&crew, parties);
	__atomic_store_n(event(0), tokens, __ATOMIC_RELAXED);
	__atomic_store_n(event(1), 0, __ATOMIC_RELAXED);
	players = 2 + step_random() % (PLAYERS_MAX - 1);
	for (n = 0; n < players; n++)
		crew_add(&crew, (int)(n % parties), work, pace);
	crew_work(&crew, 20);
}

static void play(void (*work)(struct worker *), unsigned int tokens_max)
{
	crew_open(&crew);
	crew.ending = close_events;
	while (crew_goes_on(&crew))
		shift(work, 1 + step_random() % tokens_max);
	crew_report(&crew);
}

/* The event is a turn, guarded by the barrier: one after the other. */
static void take_turns(struct worker *worker)
{
	struct dmashm_buffer *buf = &worker->party->buf;
	unsigned int access = step_random() % 2 ? DMASHM_READ | DMASHM_WRITE : 0;
	unsigned int me = (unsigned int)(worker - crew.worker);
	uint32_t now;

	ASSERT_EQ(access ? dmashm_begin(buf, access, DMASHM_NEVER) :
			   dmashm_lock(buf), 0);
	while (!closed(0) && (now = value(0)) % players != me)
		if (!(now & CLOSED))
			ASSERT_EQ(dmashm_cond_wait(buf, access, 0, now,
						   DMASHM_NEVER), 0);
	ASSERT(data_write());
	if (!closed(0)) {
		advance(worker);
		__atomic_fetch_add(event(0), 1, __ATOMIC_RELAXED);
	}
	ASSERT_EQ(access ? dmashm_end(buf, access) : dmashm_unlock(buf), 0);
	ASSERT(dmashm_wake(buf, 0, INT_MAX) >= 0);
}

TEST(who_waits_for_its_turn_gets_it)
{
	play(take_turns, 1);
}

/* Two events count tokens: who takes one from the one brings it to the other. */
static bool take_token(struct dmashm_buffer *buf, unsigned int n)
{
	uint32_t now = value(n);

	while (!(now & CLOSED)) {
		if (!now)
			ASSERT_EQ(dmashm_wait(buf, n, 0, DMASHM_NEVER), 0);
		else if (__atomic_compare_exchange_n(event(n), &now, now - 1,
						     false, __ATOMIC_ACQUIRE,
						     __ATOMIC_RELAXED))
			return true;
		now = value(n);
	}
	return false;
}

static void carry_tokens(struct worker *worker)
{
	struct dmashm_buffer *buf = &worker->party->buf;
	unsigned int from = (unsigned int)(worker - crew.worker) % 2;

	if (!take_token(buf, from)) {
		crew_sleep_us(10);
		return;
	}
	step();
	advance(worker);
	__atomic_fetch_add(event(!from), 1, __ATOMIC_RELEASE);
	step();
	ASSERT(dmashm_wake(buf, !from, 1) >= 0);
}

TEST(who_is_woken_alone_is_enough)
{
	play(carry_tokens, 4);
}
