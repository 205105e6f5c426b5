// SPDX-License-Identifier: MIT
/* Many at once, in all ways that there are: exclusion, order, no lost wake. */
#include <ktap.h>

#include "crew.h"
#include "data.h"

#define MICROSECOND 1000u

static struct crew crew;

/* Of the shift: set before its threads begin. */
static unsigned int shared_of_8;	/* how many lock shared */
static bool counted;			/* who is in is counted */

static void be_inside(bool shared)
{
	if (counted && !data_enter(shared))
		FAIL("came in where another is");
	if (!(shared ? data_read() : data_write()))
		FAIL("the data is torn, %s", shared ? "shared" : "exclusive");
	if (counted && !data_leave(shared))
		FAIL("another came in");
}

static int have_once(struct worker *worker, uint64_t deadline)
{
	bool shared = party_is_view(worker) || step_random() % 8 < shared_of_8;
	int err = party_take(worker, shared, deadline);

	if (err)
		return err;
	be_inside(shared);
	err = party_give(worker, shared);
	if (err)
		FAIL("unlocking gives %d", err);
	worker->took++;
	worker->wrote += !shared;
	return 0;
}

static void wait_for_ever(struct worker *worker)
{
	int err = have_once(worker, DMASHM_NEVER);

	if (err)
		FAIL("locking gives %d", err);
}

static void be_hasty(struct worker *worker)
{
	uint32_t random = step_random();
	uint64_t deadline = random % 4 ?
			    task_now() + random / 4 % 300 * MICROSECOND : 0;
	int err;

	if (random % 16 == 1)
		deadline = DMASHM_NEVER;
	err = have_once(worker, deadline);
	if (err && err != (deadline ? -ETIMEDOUT : -EBUSY))
		FAIL("locking gives %d", err);
}

/* Some of everything, anew for every shift. */
static void one_shift(void (*work)(struct worker *))
{
	unsigned int parties = 1 + step_random() % 4;
	unsigned int n = 2 + step_random() % 7;
	enum step_pace pace = step_random() % 3;

	crew_form_with_views(&crew, parties, step_random() % parties);
	shared_of_8 = step_random() % 9;
	counted = step_random() % 2;
	while (n--)
		crew_add(&crew, step_random() % 5 ?
			 (int)(step_random() % parties) : CREW_KERNEL, work, pace);
	crew_work(&crew, 20);
	ASSERT_EQ(data_writes(), crew.wrote);
}

TEST(nobody_is_in_with_a_writer)
{
	crew_open(&crew);
	while (crew_goes_on(&crew))
		one_shift(wait_for_ever);
	crew_report(&crew);
}

TEST(nobody_is_lost_where_many_give_up)
{
	crew_open(&crew);
	while (crew_goes_on(&crew))
		one_shift(be_hasty);
	crew_report(&crew);
}

/* The library's own mutex, beside the barrier. */
static struct dmashm_mutex mutex;

static void use_the_mutex(struct worker *worker)
{
	dmashm_mutex_lock(&mutex);
	be_inside(false);
	dmashm_mutex_unlock(&mutex);
	worker->took++;
	worker->wrote++;
}

TEST(the_mutex_excludes)
{
	crew_open(&crew);
	while (crew_goes_on(&crew)) {
		unsigned int n;

		crew_form(&crew, 1);
		for (n = 0; n < 4; n++)
			crew_add(&crew, 0, use_the_mutex, step_random() % 3);
		crew_work(&crew, 50);
		ASSERT_EQ(data_writes(), crew.wrote);
	}
	crew_report(&crew);
}
