// SPDX-License-Identifier: MIT
/*
 * Members that end between any two steps: what is left behind is taken back,
 * who waits goes on, and who comes next hears of it, once and no more.
 */
#include <ktap.h>

#include "crew.h"
#include "data.h"
#include "gate.h"

static struct crew crew;

/*
 * Whether an exclusive holder has died and nobody has repaired the data since:
 * what DIED is to say. Changed by exclusive holders, and for the dead.
 */
static uint32_t broken;
static uint32_t broke, mended;	/* times */

static bool is_broken(void)
{
	return __atomic_load_n(&broken, __ATOMIC_RELAXED);
}

/* No step is between the two: nobody dies there. */
static void set_broken(uint32_t value, uint32_t *times)
{
	if (__atomic_exchange_n(&broken, value, __ATOMIC_RELAXED) != value)
		__atomic_add_fetch(times, 1, __ATOMIC_RELAXED);
}

static void mourn(struct party *party)
{
	if (dmashm_holds(&party->buf))
		set_broken(1, &broke);
}

static void write_exclusively(struct worker *worker, bool died)
{
	if (died != is_broken())
		FAIL("%s", died ? "nobody has died" : "a death is not told");
	if (died && step_random() % 4 == 0)
		return;
	if (died) {
		data_repair();
		if (party_recover(worker))
			FAIL("no recovery");
		set_broken(0, &mended);
	}
	if (!data_write())
		FAIL("torn, and no death is told");
	worker->wrote++;
}

static void live(struct worker *worker)
{
	bool shared = party_is_view(worker) || step_random() % 2;
	uint32_t random = step_random();
	uint64_t deadline = DMASHM_NEVER;
	int err;

	if (random % 8 == 0)
		deadline = task_now() + random / 8 % 300 * 1000;
	else if (random % 8 == 1)
		deadline = 0;
	err = party_take(worker, shared, deadline);
	if (err && err != -EOWNERDEAD) {
		if (err != (deadline ? -ETIMEDOUT : -EBUSY) ||
		    deadline == DMASHM_NEVER)
			FAIL("locking gives %d", err);
		return;
	}
	if (!shared)
		write_exclusively(worker, err);
	else if (!data_read() && !err)
		FAIL("torn, and no death is told to who shares");
	err = party_give(worker, shared);
	if (err)
		FAIL("unlocking gives %d", err);
	worker->took++;
}

/* Of viewers nobody hears. */
static unsigned int departures_of(const struct party *party)
{
	return party->view ? 0 : party->deaths + 1;
}

static void one_shift(unsigned int *left)
{
	unsigned int parties = 1 + step_random() % 5;
	unsigned int n = 2 + step_random() % 7;
	enum step_pace pace = step_random() % 3;

	crew_form_with_views(&crew, parties, step_random() % parties);
	while (n--) {
		int party = step_random() % 6 ? (int)(step_random() % parties) :
						CREW_KERNEL;

		crew_add(&crew, party, live, pace)->lifetime =
			1 + step_random() % 3000;
	}
	crew_work(&crew, 20);
	for (n = 0; n < parties; n++)
		*left += departures_of(&crew.party[n]);
}

TEST(the_dead_leave_nothing_behind)
{
	unsigned int left = 0;

	crew_open(&crew);
	party_mourn = mourn;
	while (crew_goes_on(&crew))
		one_shift(&left);
	crew_report(&crew);
	dprintf(1, "# %u died inside, exclusively\n", broke);
	ASSERT(crew.deaths && broke);
	ASSERT_EQ(broke - mended, is_broken());
	ASSERT_EQ(gate_facts()->departures, left);
}

/* Waits until somebody has left; the slot is not atomic to look at, then. */
static void *hear_of_it(void *argument)
{
	const uint32_t *slot = argument;
	struct dmashm_buffer *buf = &crew.party[1].buf;

	while (!dmashm_departures(buf))
		crew_sleep_us(10);
	if (slot[1])
		FAIL("the slot is as it was");
	return NULL;
}

TEST(who_hears_of_a_departure_finds_the_slot_wiped)
{
	struct party *gone = &crew.party[0];
	uint32_t *slot;
	pthread_t thread;

	crew_open(&crew);
	crew_form(&crew, 2);
	slot = gone->self.slot;
	ASSERT_EQ(pthread_create(&thread, NULL, hear_of_it, slot), 0);
	crew_sleep_us(10000);
	slot[1] = 1;
	party_close(gone);
	pthread_join(thread, NULL);
}
