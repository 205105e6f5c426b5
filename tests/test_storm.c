// SPDX-License-Identifier: MIT
/* Many at once on one barrier: nobody is forgotten. */
#include <sched.h>

#include "uapi.h"

#define SECONDS 10

/* Shared with the children of one test. */
struct storm {
	uint32_t stop;		/* all are to end */
	uint32_t hasty;		/* those who give up are to try */
	uint64_t taken;		/* by the one who waits for ever */
};

static struct storm *new_storm(void)
{
	struct storm *storm = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT(storm != MAP_FAILED);
	return storm;
}

/* Takes and frees the word in user space, as fast as it can. */
static void hammer(struct storm *storm, int member)
{
	uint32_t id, old, *word;
	unsigned int n = 0;

	member = join_by(member, &id);
	word = map_words(member);
	while (!load(&storm->stop)) {
		if (!(++n % 5000))
			sched_yield();
		old = load(word);
		if (old & (DMASHM_KIND_MASK | DMASHM_TURN) ||
		    !__atomic_compare_exchange_n(word, &old, DMASHM_HELD(id) | (old & DMASHM_WAITERS),
						 false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			continue;
		for (old = 0; old < 30; old++)
			__asm__ volatile("");
		old = DMASHM_HELD(id);
		if (!__atomic_compare_exchange_n(word, &old, 0, false, __ATOMIC_RELEASE,
						 __ATOMIC_RELAXED))
			ASSERT_EQ(unlock(member), 0);
		for (old = 0; old < n % 60; old++)
			__asm__ volatile("");
	}
}

/* Gives up soon, over and over, by deadlines that pass while it is woken. */
static void be_hasty(struct storm *storm, int member)
{
	uint32_t id, random = (uint32_t)getpid();

	member = join_by(member, &id);
	while (!load(&storm->stop)) {
		random = random * 1664525 + 1013904223;
		if (!load(&storm->hasty))
			sleep_ms(1);
		else if (!lock_until(member, now_ns() + random % 200000))
			ASSERT_EQ(unlock(member), 0);
	}
}

static void wait_for_ever(struct storm *storm, int member)
{
	uint32_t id;

	member = join_by(member, &id);
	while (!load(&storm->stop)) {
		ASSERT_EQ(lock_until(member, DMASHM_NEVER), 0);
		__atomic_add_fetch(&storm->taken, 1, __ATOMIC_SEQ_CST);
		ASSERT_EQ(unlock(member), 0);
		sched_yield();
	}
}

static pid_t start(void (*function)(struct storm *, int), struct storm *storm, int member)
{
	pid_t pid = start_child();

	if (!pid) {
		function(storm, member);
		_exit(0);
	}
	return pid;
}

/*
 * Who was woken and gives up uses up a wake that was meant for somebody: he
 * must hand it on, or the one who waits for ever sleeps while the word is
 * free most of the time.
 */
TEST(a_wake_that_is_given_up_is_handed_on)
{
	struct storm *storm = new_storm();
	int member = join(create(1)), i, n = 0;
	uint64_t end = now_ns() + SECONDS * 1000000000ull;
	pid_t pid[5];

	pid[n++] = start(hammer, storm, member);
	pid[n++] = start(hammer, storm, member);
	pid[n++] = start(wait_for_ever, storm, member);
	pid[n++] = start(be_hasty, storm, member);
	pid[n++] = start(be_hasty, storm, member);
	while (now_ns() < end) {
		uint64_t taken, late;

		store(&storm->hasty, 1);
		sleep_ms(50);
		store(&storm->hasty, 0);
		sleep_ms(20);
		taken = __atomic_load_n(&storm->taken, __ATOMIC_SEQ_CST);
		late = now_ns() + 10000000000ull;
		while (__atomic_load_n(&storm->taken, __ATOMIC_SEQ_CST) == taken) {
			ASSERT(now_ns() < late);
			sleep_ms(1);
		}
	}
	store(&storm->stop, 1);
	for (i = 0; i < n; i++)
		wait_child(pid[i]);
}
