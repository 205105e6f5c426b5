// SPDX-License-Identifier: MIT
/* Whoever waits gets in, however many of the others come meanwhile. */
#include <ktap.h>

#include "crew.h"
#include "data.h"
#include "gate.h"

#define SHIFT_MS	250
#define HOLDING_US	100
#define LIMIT_NS	5000000000u	/* of machines with much else to do */

static struct crew crew;

/* Atomic, and of the shift: how often the stream came in, and the one. */
static uint32_t many_entries, one_entries;
static uint32_t passed_by;	/* the one's: so often while it waited, at most */
static uint32_t turns;		/* atomic: times that the one was impatient */

static uint32_t value(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void have(struct worker *worker, bool shared, uint32_t *entries)
{
	uint64_t start = task_now(), waited;

	ASSERT_EQ(party_take(worker, shared, DMASHM_NEVER), 0);
	waited = task_now() - start;
	if (waited > worker->worst)
		worker->worst = waited;
	ASSERT(waited < LIMIT_NS);
	ASSERT(shared ? data_read() : data_write());
	__atomic_add_fetch(entries, 1, __ATOMIC_RELAXED);
	worker->took++;
	worker->wrote += !shared;
}

static void give(struct worker *worker, bool shared)
{
	ASSERT_EQ(party_give(worker, shared), 0);
}

/* Many of these: there is always one inside. */
static void read_on(struct worker *worker)
{
	have(worker, true, &many_entries);
	crew_sleep_us(HOLDING_US);
	give(worker, true);
}

static void be_busy(void)
{
	uint64_t end = task_now() + HOLDING_US * 1000;

	while (task_now() < end)
		;
}

/*
 * One of these: it comes back before anybody could have woken up. But it does
 * not pass one that the word says is not to be passed any more.
 */
static void write_on(struct worker *worker)
{
	static uint32_t seen;
	static bool turn;

	have(worker, false, &many_entries);
	if (turn && value(&one_entries) == seen)
		FAIL("came in where another had its turn");
	be_busy();
	seen = value(&one_entries);
	turn = value(gate_words() + DMASHM_OFF_BARRIER / 4) & DMASHM_TURN;
	__atomic_add_fetch(&turns, turn, __ATOMIC_RELAXED);
	give(worker, false);
}

static void come_at_times(struct worker *worker, bool shared)
{
	uint32_t before = value(&many_entries), passed;

	have(worker, shared, &one_entries);
	passed = value(&many_entries) - before;
	if (passed > passed_by)
		passed_by = passed;
	give(worker, shared);
	crew_sleep_us(step_random() % 1000);
}

static void read_at_times(struct worker *worker) { come_at_times(worker, true); }
static void write_at_times(struct worker *worker) { come_at_times(worker, false); }

/* One against many; the one is a member, or the kernel. */
static void compete(unsigned int number, void (*many)(struct worker *),
		    void (*one)(struct worker *))
{
	uint64_t least = UINT64_MAX;
	struct worker *worker;
	unsigned int n;
	bool kernel = false;

	crew_open(&crew);
	while (crew_goes_on(&crew)) {
		crew_form(&crew, number);
		for (n = 0; n < number; n++)
			crew_add(&crew, step_random() % 6 ? (int)n : CREW_KERNEL,
				 many, STEP_FAST);
		worker = crew_add(&crew, kernel ? CREW_KERNEL : 0, one, STEP_FAST);
		crew_work(&crew, SHIFT_MS);
		if (worker->took < least)
			least = worker->took;
		kernel = !kernel;
	}
	crew_report(&crew);
	dprintf(1, "# the one had it %llu times in a shift, at least, was passed %u times, at most, and had %u turns\n",
		(unsigned long long)least, passed_by, turns);
}

TEST(a_writer_passes_a_stream_of_readers)
{
	compete(4, read_on, write_at_times);
}

TEST(a_reader_passes_a_stream_of_writers)
{
	compete(1, write_on, read_at_times);
	ASSERT(turns);
}

TEST(a_writer_passes_a_stream_of_writers)
{
	compete(1, write_on, write_at_times);
	ASSERT(turns);
}
