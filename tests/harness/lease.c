// SPDX-License-Identifier: MIT
/*
 * Viewers whose leases are taken back all the time: what one has read is whole,
 * or it is told; who writes gets on whatever a viewer does; nobody sleeps for
 * ever. (Where no lease ends, viewers are among the crews of the other tests.)
 */
#include <ktap.h>

#include "crew.h"
#include "data.h"
#include "gate.h"

#define MICROSECOND	1000u
#define PATIENCE_NS	15000000000u
#define MANY_VIEWERS	40	/* more than are handed a lease at a time */

static struct crew crew;

/* Of the shift: set before its threads begin. */
static uint64_t lease_ns;
static unsigned int view_threads;	/* of all viewers */
static bool trying;			/* who writes does not wait */

static uint32_t writes;			/* atomic */
static uint32_t told, refused, kept;	/* atomic: times */

static void tally(uint32_t *times)
{
	__atomic_add_fetch(times, 1, __ATOMIC_RELAXED);
}

static uint32_t value(const uint32_t *times)
{
	return __atomic_load_n(times, __ATOMIC_RELAXED);
}

static uint64_t some_deadline(void)
{
	uint32_t random = step_random();

	if (random % 4 == 0)
		return DMASHM_NEVER;
	return random % 4 == 1 ? 0 :
	       task_now() + random / 4 % 300 * MICROSECOND;
}

static void expect_late(int err, uint64_t deadline)
{
	if (deadline == DMASHM_NEVER || err != (deadline ? -ETIMEDOUT : -EBUSY))
		FAIL("locking gives %d", err);
}

/* Sometimes for longer than a lease. */
static bool read_for_a_while(void)
{
	uint64_t end = task_now() + step_random() % 200 * MICROSECOND;
	bool whole;

	do {
		whole = data_watch();
	} while (step_random() % 4 && whole && task_now() < end);
	return whole;
}

/*
 * It came in no earlier than it asked to. Others of its process may not have been
 * told yet, then nobody of it comes in.
 */
static void judge(int err, bool whole, uint64_t since)
{
	if (!err && !whole)
		FAIL("what was read is torn, and nobody told");
	if (!err)
		tally(&kept);
	else if (err != -ESTALE)
		FAIL("unlocking gives %d", err);
	else if (task_now() - since < lease_ns)
		FAIL("the lease was taken back too early");
	else
		tally(&told);
}

/* In the kernel, where it does not die. */
static void look(void *whole)
{
	uint64_t end = task_now() + step_random() % 200 * MICROSECOND;

	do {
		*(bool *)whole = data_watch_in_kernel();
	} while (*(bool *)whole && task_now() < end);
}

static void synchronise(struct worker *worker)
{
	bool whole = true;
	int err = gate_lease_pinned(worker->party->buf.member_fd, look, &whole);

	if (err && err != -ESTALE && err != -EINTR)
		FAIL("synchronising gives %d", err);
	if (!whole)
		FAIL("somebody wrote while data was synchronised");
}

static void view(struct worker *worker)
{
	uint64_t deadline = some_deadline(), since = task_now();
	int err = party_take(worker, true, deadline);
	bool whole;

	if (err == -ESTALE && view_threads > 1) {
		tally(&refused);
		crew_sleep_us(20);
		return;
	}
	if (err) {
		expect_late(err, deadline);
		return;
	}
	whole = read_for_a_while();
	if (step_random() % 4 == 0)
		synchronise(worker);
	judge(party_give(worker, true), whole, since);
	worker->took++;
}

static void view_in_kernel(struct worker *worker)
{
	uint64_t deadline = some_deadline(), since = task_now();
	bool whole = false;
	int err = gate_lease(deadline, look, &whole);

	if (err && err != -ESTALE) {
		expect_late(err, deadline);
		return;
	}
	judge(err, whole, since);
	worker->took++;
}

static void take_part(struct worker *worker)
{
	uint64_t deadline = some_deadline();
	bool shared = step_random() % 3 == 0;
	int err = party_take(worker, shared, deadline);

	if (err) {
		expect_late(err, deadline);
		return;
	}
	if (!(shared ? data_watch() : data_write_watched()))
		FAIL("torn, %s", shared ? "shared" : "exclusive");
	if (!shared)
		tally(&writes);
	err = party_give(worker, shared);
	if (err)
		FAIL("unlocking gives %d", err);
	worker->took++;
	worker->wrote += !shared;
}

static void add_viewer(unsigned int members, unsigned int views,
		       void (*work)(struct worker *), enum step_pace pace,
		       bool mortal)
{
	unsigned int n = members + step_random() % views;

	crew_add(&crew, (int)n, work, pace)->lifetime = mortal ? 2000 : 0;
	view_threads++;
}

static void one_shift(void)
{
	unsigned int members = 1 + step_random() % 2;
	unsigned int views = 1 + step_random() % 3;
	unsigned int n = 3 + step_random() % 6;
	enum step_pace pace = step_random() % 3;

	lease_ns = 1u << step_random() % 21;	/* up to a millisecond */
	gate_set_lease_ns(lease_ns);
	view_threads = 0;
	crew_form_with_views(&crew, members + views, views);
	add_viewer(members, views, view, pace, false);
	crew_add(&crew, 0, take_part, pace);
	while (n--) {
		switch (step_random() % 8) {
		case 0:
			crew_add(&crew, CREW_KERNEL, take_part, pace);
			break;
		case 1:
			crew_add(&crew, CREW_KERNEL, view_in_kernel, pace);
			break;
		case 2:
		case 3:
			crew_add(&crew, (int)(step_random() % members),
				 take_part, pace);
			break;
		default:
			add_viewer(members, views, view, pace, step_random() % 2);
		}
	}
	crew_work(&crew, 20);
	ASSERT_EQ(data_writes(), crew.wrote);
}

TEST(what_was_read_by_a_lease_is_whole_or_told)
{
	crew_open(&crew);
	while (crew_goes_on(&crew))
		one_shift();
	crew_report(&crew);
	dprintf(1, "# %u leases given back in time, %u taken back, %u refused\n",
		kept, told, refused);
	ASSERT(kept && told && crew.deaths);
}

/* Does not come out until somebody has written. */
static void stay(void *written)
{
	uint32_t seen = value(&writes);

	while (value(&writes) == seen && !crew_over())
		crew_sleep_us(100);
	*(bool *)written = value(&writes) != seen;
}

static void expect_told(struct worker *worker, int err, bool written)
{
	if (written ? err != -ESTALE : err && err != -ESTALE)
		FAIL("unlocking gives %d after others have written", err);
	worker->took++;
}

static void stay_in(struct worker *worker)
{
	int err = party_take(worker, true, DMASHM_NEVER);
	bool written;

	if (err == -ESTALE && view_threads > 1)
		return;
	ASSERT_EQ(err, 0);
	stay(&written);
	expect_told(worker, party_give(worker, true), written);
}

static void stay_in_kernel(struct worker *worker)
{
	bool written;
	int err = gate_lease(DMASHM_NEVER, stay, &written);

	expect_told(worker, err, written);
}

/* Nobody helps: neither does anybody give up, nor does a viewer come out. */
static void write_at_times(struct worker *worker)
{
	int err = party_take(worker, false, trying ? 0 : DMASHM_NEVER);

	if (err == -EBUSY && trying) {
		crew_sleep_us(100);
		return;
	}
	ASSERT_EQ(err, 0);
	ASSERT(data_write_watched());
	tally(&writes);
	ASSERT_EQ(party_give(worker, false), 0);
	worker->took++;
	worker->wrote++;
	crew_sleep_us(step_random() % 1000);
}

static void see_writers(struct crew *of)
{
	uint32_t seen = value(&writes);
	uint64_t late = task_now() + PATIENCE_NS;

	while (value(&writes) - seen < 3) {
		if (task_now() > late)
			crew_fail(of, "who stays in keeps those who write");
		crew_sleep_us(100);
	}
}

TEST(who_stays_in_keeps_nobody_for_long)
{
	crew_open(&crew);
	crew.ending = see_writers;
	while (crew_goes_on(&crew)) {
		unsigned int views = 1 + step_random() % 3;
		unsigned int n = 1 + step_random() % 3;

		gate_set_lease_ns(1 + step_random() % 1000 * MICROSECOND);
		trying = step_random() % 2;
		view_threads = 0;
		crew_form_with_views(&crew, 1 + views, views);
		while (n--)
			add_viewer(1, views, stay_in, STEP_FAST, step_random() % 2);
		crew_add(&crew, 0, write_at_times, STEP_FAST);
		if (step_random() % 2)
			crew_add(&crew, CREW_KERNEL, write_at_times, STEP_FAST);
		if (step_random() % 2)
			crew_add(&crew, CREW_KERNEL, stay_in_kernel, STEP_FAST);
		crew_work(&crew, 30);
	}
	crew_report(&crew);
}

/*
 * More than are seen to at a time, and then nobody comes who would see to the
 * rest by the way.
 */
static uint32_t closed, came;		/* atomic; of the shift */

static void keep_all_out(struct worker *worker)
{
	int err;

	if (value(&closed)) {
		crew_sleep_us(100);
		return;
	}
	err = party_take(worker, false, DMASHM_NEVER);
	if (err == -EOWNERDEAD)
		err = party_recover(worker);
	ASSERT_EQ(err, 0);
	tally(&closed);
	while (gate_tenants() < MANY_VIEWERS)
		crew_sleep_us(100);
	if (step_random() % 2)
		worker->fate.die(worker->fate.process);
	step();
	ASSERT_EQ(party_give(worker, false), 0);
	worker->took++;
}

static void view_once(struct worker *worker)
{
	int err;

	if (worker->took || !value(&closed)) {
		crew_sleep_us(500);
		return;
	}
	err = party_take(worker, true, DMASHM_NEVER);
	if (err != -EOWNERDEAD)
		ASSERT_EQ(err, 0);
	ASSERT_EQ(party_give(worker, true), 0);
	worker->took++;
	tally(&came);
}

static void see_all_come(struct crew *of)
{
	uint64_t late = task_now() + PATIENCE_NS;

	while (value(&came) < MANY_VIEWERS) {
		if (task_now() > late)
			crew_fail(of, "a viewer sleeps though all is free");
		crew_sleep_us(100);
	}
}

TEST(more_than_are_seen_to_at_a_time_all_come_in)
{
	crew_open(&crew);
	crew.ending = see_all_come;
	while (crew_goes_on(&crew)) {
		unsigned int n;

		__atomic_store_n(&closed, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&came, 0, __ATOMIC_RELAXED);
		crew_form_with_views(&crew, 3, 2);
		crew_add(&crew, 0, keep_all_out, STEP_FAST);
		for (n = 0; n < MANY_VIEWERS; n++)
			crew_add(&crew, 1 + (int)n % 2, view_once, STEP_FAST);
		crew_work(&crew, 1);
	}
	crew_report(&crew);
}

/* Whatever user space writes, the kernel's own users exclude each other. */
static uint32_t in_by_lease;		/* atomic */

static void come_in(void *nothing)
{
	(void)nothing;
	tally(&in_by_lease);
}

static void *come_in_by_lease(void *nothing)
{
	ASSERT_EQ(gate_lease(DMASHM_NEVER, come_in, nothing), 0);
	return NULL;
}

TEST(who_forges_an_unlock_lets_nobody_in_with_the_kernel)
{
	struct dmashm_buffer *buf = &crew.party[0].buf;
	pthread_t thread;

	crew_open(&crew);
	crew_form(&crew, 1);
	ASSERT_EQ(gate_lock(false, DMASHM_NEVER), 0);
	ASSERT_EQ(pthread_create(&thread, NULL, come_in_by_lease, NULL), 0);
	while (!gate_tenants())
		crew_sleep_us(100);
	__atomic_store_n(gate_words(), dmashm_held(buf), __ATOMIC_RELAXED);
	ASSERT_EQ(dmashm_unlock_in_kernel(buf, 0), 0);
	crew_sleep_us(20000);
	ASSERT_EQ(value(&in_by_lease), 0);
	ASSERT_EQ(gate_unlock(false), -EPROTO);
	pthread_join(thread, NULL);
	ASSERT_EQ(value(&in_by_lease), 1);
}
