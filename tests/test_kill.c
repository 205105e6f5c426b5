// SPDX-License-Identifier: MIT
/*
 * Members are killed at random while they lock, unlock, wait and wake, shared
 * and exclusive, together with the kernel. No lock and no wake-up is lost: who
 * comes after gets in, with a mark exactly if somebody died inside.
 *
 * DMASHM_KILLS says how many are killed, 200 if it does not.
 */
#include "library.h"

#define WORKERS 6

enum where { OUTSIDE, COMING, INSIDE };

/* What each worker says about itself; in memory that outlives it. */
struct worker {
	uint32_t where;		/* exclusively; COMING: it may be inside */
	uint32_t rounds;
	pid_t pid;
};

static struct worker *worker;

static uint32_t next_random(uint32_t *random)
{
	*random = *random * 1664525 + 1013904223;
	return *random >> 8;
}

static void dawdle(uint32_t times)
{
	while (times--)
		__asm__ volatile("");
}

/* -EOWNERDEAD is left for the test itself, which counts it. */
static bool held(int err)
{
	ASSERT(!err || err == -EOWNERDEAD || err == -ETIMEDOUT || err == -EBUSY);
	return !err || err == -EOWNERDEAD;
}

static void hold_exclusively(struct worker *me, struct dmashm_buffer *buf, uint32_t *random)
{
	int err;

	store(&me->where, COMING);
	switch (next_random(random) % 4) {
	case 0:
		err = dmashm_trylock(buf);
		break;
	case 1:
		err = dmashm_timedlock(buf, dmashm_deadline(next_random(random) % 500000));
		break;
	case 2:
		err = lock_until(dmashm_member_fd(buf), DMASHM_NEVER) ? -errno : 0;
		break;
	default:
		err = dmashm_lock(buf);
	}
	if (held(err)) {
		store(&me->where, INSIDE);
		dawdle(next_random(random) % (next_random(random) % 4 ? 2000 : 500000));
		if (next_random(random) % 8 == 0) {
			store(&me->where, COMING);
			err = dmashm_cond_wait(buf, 0, 1, load(dmashm_event(buf, 1)),
					       dmashm_deadline(next_random(random) % 500000));
			ASSERT(held(err) || err == -ETIMEDOUT);
		}
		store(&me->where, COMING);
		ASSERT_EQ(dmashm_unlock(buf), 0);
	}
	store(&me->where, OUTSIDE);
}

static void hold_shared(struct dmashm_buffer *buf, uint32_t *random)
{
	int err;

	if (next_random(random) % 2)
		err = dmashm_lock_shared(buf);
	else
		err = dmashm_timedlock_shared(buf, dmashm_deadline(next_random(random) % 500000));
	if (held(err)) {
		dawdle(next_random(random) % 2000);
		ASSERT_EQ(dmashm_unlock_shared(buf), 0);
	}
}

static void work(struct worker *me, struct dmashm_buffer *buf, uint32_t random)
{
	ASSERT(dmashm_event(buf, 0));	/* a member of its own from here on */
	for (;;) {
		switch (next_random(&random) % 8) {
		case 0:
			__atomic_fetch_add(dmashm_event(buf, 1), 1, __ATOMIC_SEQ_CST);
			ASSERT(dmashm_wake(buf, 1, 1) >= 0);
			break;
		case 1:
		case 2:
		case 3:
			hold_exclusively(me, buf, &random);
			break;
		default:
			hold_shared(buf, &random);
		}
		__atomic_fetch_add(&me->rounds, 1, __ATOMIC_SEQ_CST);
	}
}

static void start_worker(struct worker *one, struct dmashm_buffer *buf, uint32_t random)
{
	pid_t pid;

	store(&one->where, OUTSIDE);
	pid = start_child();
	if (!pid) {
		work(one, buf, random);
		_exit(0);
	}
	one->pid = pid;
}

/* The kernel, too, over and over. */
static pid_t start_kernel(struct dmashm_buffer *buf)
{
	int tester = open_tester(dmashm_fd(buf));
	pid_t pid = start_child();

	if (!pid) {
		for (;;) {
			struct tester_record arg = { .rounds = 50, .guarded = 1 };

			if (ioctl(tester, TESTER_IOC_RECORD, &arg))
				ASSERT_EQ(errno, EOWNERDEAD);
			ASSERT_EQ(arg.torn, 0);
		}
	}
	close(tester);
	return pid;
}

/* The next one gets in, and whether somebody died inside is known. */
static uint32_t check(struct dmashm_buffer *buf, enum where where)
{
	int err = dmashm_timedlock(buf, dmashm_deadline(20 * SECOND));

	if (err && err != -EOWNERDEAD)
		FAIL("the lock is lost: %d, word %#x", err, load(words_of(buf)));
	if (where == INSIDE && !err)
		FAIL("one died inside, and left no mark");
	if (where == OUTSIDE && err)
		FAIL("one died outside, and left a mark");
	if (err)
		ASSERT_EQ(dmashm_recover(buf), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	return err != 0;
}

/* Nobody sleeps on while others come and go. */
static void all_go_on(void)
{
	uint32_t rounds[WORKERS];
	uint64_t late = in_ms(30000);
	int i;

	for (i = 0; i < WORKERS; i++)
		rounds[i] = load(&worker[i].rounds);
	for (i = 0; i < WORKERS; i++) {
		while (load(&worker[i].rounds) == rounds[i]) {
			if (now_ns() > late)
				FAIL("worker %d sleeps for ever", i);
			sleep_ms(1);
		}
	}
}

TEST_LIMIT(no_lock_and_no_wake_up_is_lost, 3600)
{
	const char *wanted = getenv("DMASHM_KILLS");
	int kills = wanted ? atoi(wanted) : ktap_rounds(200), marks = 0, inside = 0, i;
	struct dmashm_buffer *buf = new_buffer(1);
	uint32_t random = (uint32_t)now_ns();
	pid_t kernel;

	printf("# seed %u\n", random);
	worker = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT(worker != MAP_FAILED);
	map_buffer(buf);
	kernel = start_kernel(buf);
	for (i = 0; i < WORKERS; i++)
		start_worker(&worker[i], buf, next_random(&random));
	for (i = 0; i < kills; i++) {
		struct worker *one = &worker[next_random(&random) % WORKERS];
		struct timespec moment = { .tv_nsec = next_random(&random) % 8000000 };

		nanosleep(&moment, NULL);
		kill_child(one->pid);
		inside += load(&one->where) == INSIDE;
		marks += (int)check(buf, load(&one->where));
		start_worker(one, buf, next_random(&random));
		if (i % 20 == 0)
			all_go_on();
	}
	all_go_on();
	for (i = 0; i < WORKERS; i++)
		kill_child(worker[i].pid);
	kill_child(kernel);
	dmashm_timedlock(buf, dmashm_deadline(20 * SECOND));
	dmashm_recover(buf);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	ASSERT_EQ(load(words_of(buf)), 0);
	printf("# %d killed, %d of them inside for sure; %d marks; 0 locks lost, 0 wake-ups lost\n",
	       kills, inside, marks);
	fflush(stdout);
	ASSERT(marks >= inside && marks > 0);
}
