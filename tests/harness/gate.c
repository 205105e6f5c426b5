// SPDX-License-Identifier: GPL-2.0-only
/*
 * See gate.h. This stands for what is around the barrier in the kernel: the
 * member's ioctls, the memory of the control pages, polling, which nobody here
 * does.
 */
#include <stdio.h>
#include <stdlib.h>

#include <linux/errno.h>
#include <linux/sched.h>

#include "dmashm_barrier.h"
#include "dmashm_control.h"
#include "dmashm_member.h"
#include "dmashm_waiter.h"
#include "dmashm_words.h"

#include "fence.h"
#include "gate.h"

static u32 words[DMASHM_WORDS_SIZE / sizeof(u32)]
	__attribute__((aligned(DMASHM_WORDS_SIZE)));
static struct dmashm_facts facts;
static struct dmashm_barrier barrier;
static struct dmashm_member *members[GATE_MEMBERS];

void dmashm_poller_tell(struct dmashm_barrier *of, u32 offset)
{
	(void)of;
	(void)offset;
}

void dmashm_poller_tell_departure(struct dmashm_barrier *of,
				  struct dmashm_member *gone)
{
	(void)of;
	(void)gone;
}

void dmashm_poller_hang_up(struct dmashm_member *gone)
{
	(void)gone;
}

void gate_open(void)
{
	struct dmashm_control control = { .facts = &facts, .words = words };

	dmashm_barrier_init(&barrier, &control);
}

uint32_t *gate_words(void)
{
	return words;
}

const struct dmashm_facts *gate_facts(void)
{
	return &facts;
}

int gate_join(int fd, uint32_t *id, uint32_t *slot)
{
	struct dmashm_member *member = calloc(1, sizeof(*member));
	int ret;

	ret = dmashm_barrier_enter(&barrier, member);
	if (ret) {
		free(member);
		return ret;
	}
	members[fd] = member;
	*id = member->id;
	*slot = member->slot;
	return 0;
}

/*
 * What a process has read, it has read before it ended: by the end of its
 * threads, which is none of the barrier's doing.
 */
void gate_leave(int fd)
{
	struct dmashm_member *member = members[fd];

	fence_release(dmashm_word(words, DMASHM_OFF_SLOT(member->slot)));
	fence_release(dmashm_word(words, DMASHM_OFF_READERS) + member->slot / 32);
	dmashm_barrier_leave(&barrier, member);
	members[fd] = NULL;
	free(member);
}

static enum dmashm_mode mode_of(bool shared)
{
	return shared ? DMASHM_SHARED : DMASHM_EXCLUSIVE;
}

static int call_lock(struct dmashm_member *member, const struct dmashm_lock *arg)
{
	enum dmashm_mode mode = mode_of(arg->flags & DMASHM_LOCK_SHARED);

	if (arg->flags & DMASHM_LOCK_TRY)
		return dmashm_barrier_trylock(&barrier, member, mode);
	return dmashm_barrier_lock(&barrier, member, mode, arg->deadline,
				   TASK_INTERRUPTIBLE);
}

static int call_unlock(struct dmashm_member *member,
		       const struct dmashm_unlock *arg)
{
	return dmashm_barrier_unlock(&barrier, member,
				     mode_of(arg->flags & DMASHM_UNLOCK_SHARED));
}

static int call_wake(struct dmashm_wake *arg)
{
	arg->woken = dmashm_waiter_wake(&barrier, arg->offset, arg->count);
	return 0;
}

static int call(struct dmashm_member *member, unsigned long command,
		void *argument)
{
	const struct dmashm_wait *wait = argument;

	switch (command) {
	case DMASHM_IOC_LOCK:
		return call_lock(member, argument);
	case DMASHM_IOC_UNLOCK:
		return call_unlock(member, argument);
	case DMASHM_IOC_RECOVER:
		return dmashm_barrier_recover(&barrier, member);
	case DMASHM_IOC_WAIT:
		return dmashm_waiter_wait(&barrier, member, wait,
					  wait->deadline);
	case DMASHM_IOC_WAKE:
		return call_wake(argument);
	default:
		return -ENOTTY;
	}
}

int gate_call(int fd, unsigned long command, void *argument)
{
	int ret = call(members[fd], command, argument);

	return ret == -ERESTARTSYS ? -EINTR : ret;
}

int gate_lock(bool shared, uint64_t deadline)
{
	if (!deadline)
		return dmashm_barrier_trylock(&barrier, NULL, mode_of(shared));
	return dmashm_barrier_lock(&barrier, NULL, mode_of(shared), deadline,
				   TASK_KILLABLE);
}

int gate_unlock(bool shared)
{
	return dmashm_barrier_unlock(&barrier, NULL, mode_of(shared));
}

int gate_recover(void)
{
	return dmashm_barrier_recover(&barrier, NULL);
}

static u32 look(u32 offset)
{
	return READ_ONCE(*dmashm_word(words, offset));
}

static const char *kernel_litter(void)
{
	if (barrier.lockers.count || barrier.waiters.count || barrier.drainer)
		return "sleepers";
	if (barrier.impatient)
		return "impatience";
	if (barrier.kernel_holds || barrier.kernel_readers)
		return "the kernel inside";
	return NULL;
}

static const char *words_litter(void)
{
	struct dmashm_member *member;

	if (look(DMASHM_OFF_BARRIER) & ~DMASHM_DIED)
		return "a word that is not free";
	if (look(DMASHM_OFF_READERS + 4) & DMASHM_READERS_KERNEL)
		return "the kernel among the readers";
	list_for_each_entry(member, &barrier.members, node)
		if (look(DMASHM_OFF_SLOT(member->slot)) & DMASHM_SLOT_COUNT)
			return "a slot that is not empty";
	return NULL;
}

const char *gate_litter(bool trusted)
{
	const char *result;

	spin_lock_irq(&barrier.lock);
	result = kernel_litter();
	if (!result && trusted)
		result = words_litter();
	spin_unlock_irq(&barrier.lock);
	return result;
}

void gate_describe(void)
{
	struct dmashm_member *member;

	spin_lock_irq(&barrier.lock);
	dprintf(1, "# word %#x, readers %#x %#x; %u lockers, %u impatient, drainer %d, %u waiters; kernel %d, %u shared\n",
		look(DMASHM_OFF_BARRIER), look(DMASHM_OFF_READERS),
		look(DMASHM_OFF_READERS + 4), barrier.lockers.count,
		barrier.impatient, barrier.drainer != NULL,
		barrier.waiters.count, barrier.kernel_holds,
		barrier.kernel_readers);
	list_for_each_entry(member, &barrier.members, node)
		dprintf(1, "# member %u: slot %u %#x\n", member->id,
			member->slot, look(DMASHM_OFF_SLOT(member->slot)));
	spin_unlock_irq(&barrier.lock);
}
