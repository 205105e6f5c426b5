// SPDX-License-Identifier: MIT
/*
 * A member that writes anything into the words: others lose the exclusion, and
 * nothing else. All that has a deadline ends, and the kernel keeps its own
 * books.
 */
#include <ktap.h>

#include "crew.h"
#include "gate.h"

#define DEADLINE_US	3000
#define LIMIT_NS	5000000000u	/* of machines with much else to do */

static struct crew crew;

static uint32_t anything(void)
{
	static const uint32_t likely[] = {
		0, 1, DMASHM_KIND_KERNEL, 3, DMASHM_WAITERS, DMASHM_DIED,
		DMASHM_TURN, DMASHM_HELD(1) | DMASHM_WAITERS,
		DMASHM_HELD(DMASHM_ID_MAX), DMASHM_SLOT_DRAIN,
		DMASHM_SLOT_DRAIN | 1, DMASHM_SLOT_COUNT, DMASHM_SHARED_MAX,
		~0u,
	};
	uint32_t random = step_random();

	if (random % 4 == 0)
		return step_random();
	if (random % 4 == 1)
		return DMASHM_HELD(step_random() % 64) | (step_random() & 0x1f);
	return likely[random / 4 % (sizeof(likely) / sizeof(*likely))];
}

static uint32_t anywhere(void)
{
	switch (step_random() % 5) {
	case 0:
	case 1:
		return DMASHM_OFF_BARRIER;
	case 2:
		return DMASHM_OFF_READERS + step_random() % 2 * 4;
	case 3:
		return DMASHM_OFF_SLOT(step_random() % 6);
	default:
		return step_random() % (DMASHM_WORDS_SIZE / 4) * 4;
	}
}

static void scribble(struct worker *worker)
{
	uint32_t *word = gate_words() + anywhere() / 4;

	switch (step_random() % 3) {
	case 0:
		__atomic_fetch_xor(word, 1u << step_random() % 32,
				   __ATOMIC_RELAXED);
		break;
	default:
		__atomic_store_n(word, anything(), __ATOMIC_RELAXED);
	}
	if (worker->pace == STEP_FAST)
		return;
	step_pause();
	if (step_random() % 64 == 0)
		crew_sleep_us(step_random() % 2000);
}

/* Only -EINVAL and the like would be news. */
static bool is_expected(int err)
{
	switch (err) {
	case 0:
	case -EOWNERDEAD:
	case -EBUSY:
	case -ETIMEDOUT:
	case -EOVERFLOW:
	case -EAGAIN:
	case -EPERM:
	case -EPROTO:
	case -ESTALE:
		return true;
	default:
		return false;
	}
}

static void expect(int err)
{
	if (!is_expected(err))
		FAIL("gives %d", err);
}

static void lock_somehow(struct worker *worker, uint64_t deadline)
{
	bool shared = party_is_view(worker) || step_random() % 2;
	int err = party_take(worker, shared, deadline);

	expect(err);
	if (err && err != -EOWNERDEAD)
		return;
	worker->took++;
	worker->wrote += !shared;
	if (!shared && err)
		expect(party_recover(worker));
	step();
	err = party_give(worker, shared);
	expect(err);
	/* The kernel lets go whatever the words say. */
	if (!worker->party && err && err != -EPROTO)
		FAIL("the kernel's unlocking gives %d", err);
}

static void wait_somehow(struct worker *worker, uint64_t deadline)
{
	struct dmashm_wait arg = {
		.offset = anywhere(), .expected = anything(), .deadline = deadline,
	};
	struct dmashm_buffer *buf = &worker->party->buf;

	if (step_random() % 2)
		expect(dmashm_wait_word(buf, &arg));
	else if (dmashm_wake_word(buf, arg.offset, 1) < 0)
		FAIL("no wake");
}

static void suffer(struct worker *worker)
{
	uint64_t start = task_now(), late;
	uint64_t deadline = start + step_random() % (DEADLINE_US * 1000);

	if (worker->party && step_random() % 4 == 0)
		wait_somehow(worker, deadline);
	else
		lock_somehow(worker, step_random() % 4 ? deadline : 0);
	late = task_now();
	if (late > deadline && late - deadline > worker->worst)
		worker->worst = late - deadline;
	if (late > deadline + LIMIT_NS)
		FAIL("too late by %llu ms",
		     (unsigned long long)(late - deadline) / 1000000);
}

TEST(scribbling_harms_nobody_but_the_exclusion)
{
	crew_open(&crew);
	crew.scribbled = true;
	while (crew_goes_on(&crew)) {
		unsigned int parties = 1 + step_random() % 4, n;
		unsigned int workers = 2 + step_random() % 6;
		enum step_pace pace = step_random() % 3;

		gate_set_lease_ns(1u << step_random() % 21);
		crew_form_with_views(&crew, parties, step_random() % parties);
		for (n = 0; n < workers; n++)
			crew_add(&crew, step_random() % 4 ? (int)(n % parties) :
							    CREW_KERNEL,
				 suffer, pace)->lifetime = step_random() % 2 * 2000;
		crew_add(&crew, CREW_KERNEL, scribble, step_random() % 3);
		crew_work(&crew, 30);
	}
	crew_report(&crew);
}
