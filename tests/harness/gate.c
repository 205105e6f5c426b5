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
#include "dmashm_lease.h"
#include "dmashm_member.h"
#include "dmashm_membership.h"
#include "dmashm_waiter.h"
#include "dmashm_words.h"

#include "fence.h"
#include "gate.h"
#include "lease_ns.h"

static u32 words[DMASHM_WORDS_SIZE / sizeof(u32)]
	__attribute__((aligned(DMASHM_WORDS_SIZE)));
static struct dmashm_facts facts;
static struct dmashm_barrier barrier;
static struct dmashm_member *members[GATE_MEMBERS];
static u64 lease_ns = GATE_LEASE_NEVER_ENDS;	/* atomic */

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

static int join(int fd, bool viewer)
{
	struct dmashm_member *member = calloc(1, sizeof(*member));
	int ret;

	member->viewer = viewer;
	dmashm_lease_init(&member->lease, member);
	ret = dmashm_membership_begin(&barrier, member);
	if (ret) {
		free(member);
		return ret;
	}
	members[fd] = member;
	return 0;
}

int gate_join(int fd, uint32_t *id, uint32_t *slot)
{
	int ret = join(fd, false);

	if (ret)
		return ret;
	*id = members[fd]->id;
	*slot = members[fd]->slot;
	return 0;
}

int gate_join_to_read(int fd)
{
	return join(fd, true);
}

/*
 * What a process has read, it has read before it ended: by the end of its
 * threads, which is none of the barrier's doing.
 */
void gate_leave(int fd)
{
	struct dmashm_member *member = members[fd];

	if (!member->viewer) {
		fence_release(dmashm_word(words, DMASHM_OFF_SLOT(member->slot)));
		fence_release(dmashm_word(words, DMASHM_OFF_READERS) +
			      member->slot / 32);
	}
	dmashm_membership_end(&barrier, member);
	members[fd] = NULL;
	free(member);
}

static enum dmashm_mode mode_of(bool shared)
{
	return shared ? DMASHM_SHARED : DMASHM_EXCLUSIVE;
}

static int call_lock_viewer(struct dmashm_member *member,
			    const struct dmashm_lock *arg)
{
	if (!(arg->flags & DMASHM_LOCK_SHARED))
		return -EACCES;
	if (arg->flags & DMASHM_LOCK_TRY)
		return dmashm_lease_trylock(&barrier, &member->lease);
	return dmashm_lease_lock(&barrier, &member->lease, arg->deadline,
				 TASK_INTERRUPTIBLE);
}

static int call_lock(struct dmashm_member *member, const struct dmashm_lock *arg)
{
	enum dmashm_mode mode = mode_of(arg->flags & DMASHM_LOCK_SHARED);

	if (member->viewer)
		return call_lock_viewer(member, arg);
	if (arg->flags & DMASHM_LOCK_TRY)
		return dmashm_barrier_trylock(&barrier, member, mode);
	return dmashm_barrier_lock(&barrier, member, mode, arg->deadline,
				   TASK_INTERRUPTIBLE);
}

static int call_unlock(struct dmashm_member *member,
		       const struct dmashm_unlock *arg)
{
	if (member->viewer)
		return dmashm_lease_unlock(&barrier, &member->lease);
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

int gate_lease(uint64_t deadline, void (*inside)(void *), void *argument)
{
	struct dmashm_lease lease;
	int ret;

	dmashm_lease_init(&lease, NULL);
	ret = deadline ? dmashm_lease_lock(&barrier, &lease, deadline,
					   TASK_KILLABLE) :
			 dmashm_lease_trylock(&barrier, &lease);
	if (ret && ret != -EOWNERDEAD)
		return ret;
	inside(argument);
	return dmashm_lease_unlock(&barrier, &lease);
}

static __thread const struct dmashm_member *mine;

static bool is_mine(const struct dmashm_member *member)
{
	return member == mine;
}

int gate_lease_pinned(int fd, void (*inside)(void *), void *argument)
{
	struct dmashm_lease lease;
	int ret = 0;

	mine = members[fd];
	dmashm_lease_init(&lease, NULL);
	if (!dmashm_lease_join(&barrier, &lease, is_mine))
		ret = dmashm_lease_lock(&barrier, &lease, DMASHM_NEVER,
					TASK_KILLABLE);
	if (ret && ret != -EOWNERDEAD)
		return ret == -ERESTARTSYS ? -EINTR : ret;
	ret = dmashm_lease_pin(&barrier, &lease);
	if (!ret) {
		inside(argument);
		dmashm_lease_unpin(&barrier, &lease);
	}
	dmashm_lease_unlock(&barrier, &lease);
	return ret;
}

unsigned int gate_tenants(void)
{
	unsigned int count;

	spin_lock_irq(&barrier.lock);
	count = barrier.tenants.count;
	spin_unlock_irq(&barrier.lock);
	return count;
}

u64 gate_lease_ns(void)
{
	return __atomic_load_n(&lease_ns, __ATOMIC_RELAXED);
}

void gate_set_lease_ns(uint64_t ns)
{
	__atomic_store_n(&lease_ns, ns, __ATOMIC_RELAXED);
}

static u32 look(u32 offset)
{
	return READ_ONCE(*dmashm_word(words, offset));
}

static const char *kernel_litter(void)
{
	if (barrier.lockers.count || barrier.waiters.count ||
	    barrier.tenants.count || barrier.drainer)
		return "sleepers";
	if (barrier.lease_count || !list_empty(&barrier.leases))
		return "leases";
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
	dprintf(1, "# word %#x, readers %#x %#x; %u lockers, %u impatient, drainer %d, %u waiters; kernel %d, %u shared; %u tenants, %s asleep, %u leases\n",
		look(DMASHM_OFF_BARRIER), look(DMASHM_OFF_READERS),
		look(DMASHM_OFF_READERS + 4), barrier.lockers.count,
		barrier.impatient, barrier.drainer != NULL,
		barrier.waiters.count, barrier.kernel_holds,
		barrier.kernel_readers, barrier.tenants.count,
		list_empty(&barrier.tenants.list) ? "none" : "some",
		barrier.lease_count);
	list_for_each_entry(member, &barrier.members, node)
		dprintf(1, "# member %u: slot %u %#x\n", member->id,
			member->slot, look(DMASHM_OFF_SLOT(member->slot)));
	spin_unlock_irq(&barrier.lock);
}
