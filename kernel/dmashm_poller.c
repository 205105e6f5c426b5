// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll, select and epoll on a member fd, for those who run an event loop: what
 * WAIT tells a thread that sleeps, this tells one that waits for many things.
 */
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/spinlock.h>

#include "dmashm_barrier.h"
#include "dmashm_buffer.h"
#include "dmashm_member.h"
#include "dmashm_poller.h"
#include "dmashm_words.h"

/**
 * dmashm_poller_init() - one that is not armed
 * @poller: to be filled in
 */
void dmashm_poller_init(struct dmashm_poller *poller)
{
	init_waitqueue_head(&poller->queue);
	poller->armed = false;
}

/**
 * dmashm_poller_arm() - ARM
 * @member: whose fd
 * @arm:    checked by the caller
 *
 * Those who poll already look again.
 */
void dmashm_poller_arm(struct dmashm_member *member,
		       const struct dmashm_arm *arm)
{
	struct dmashm_barrier *barrier = &member->buffer->barrier;
	struct dmashm_poller *poller = &member->poller;

	spin_lock_irq(&barrier->lock);
	poller->armed = true;
	poller->offset = arm->offset;
	poller->expected = arm->expected;
	poller->departures = arm->departures;
	wake_up_interruptible_poll(&poller->queue, EPOLLIN | EPOLLPRI);
	spin_unlock_irq(&barrier->lock);
}

/* All of @list that are armed, for the word at @offset or for any. */
static void poller_wake(struct list_head *list, const u32 *offset,
			__poll_t events)
{
	struct dmashm_member *member;

	list_for_each_entry(member, list, node)
		if (member->poller.armed &&
		    (!offset || member->poller.offset == *offset))
			wake_up_interruptible_poll(&member->poller.queue,
						   events);
}

/**
 * dmashm_poller_tell() - somebody woke those who wait for a word
 * @barrier: which one
 * @offset:  of the word
 *
 * Context: any; the caller holds barrier->lock.
 */
void dmashm_poller_tell(struct dmashm_barrier *barrier, u32 offset)
{
	lockdep_assert_held(&barrier->lock);
	poller_wake(&barrier->members, &offset, EPOLLIN);
	poller_wake(&barrier->viewers, &offset, EPOLLIN);
}

/**
 * dmashm_poller_hang_up() - a member has left: tell those who poll its fd
 * @gone: the member
 *
 * Context: any; the caller holds barrier->lock.
 */
void dmashm_poller_hang_up(struct dmashm_member *gone)
{
	wake_up_poll(&gone->poller.queue, EPOLLHUP);
}

/**
 * dmashm_poller_tell_departure() - a member has left: tell all
 * @barrier: which one
 * @gone:    the member
 *
 * Context: any; the caller holds barrier->lock.
 */
void dmashm_poller_tell_departure(struct dmashm_barrier *barrier,
				  struct dmashm_member *gone)
{
	lockdep_assert_held(&barrier->lock);
	dmashm_poller_hang_up(gone);
	poller_wake(&barrier->members, NULL, EPOLLPRI);
	poller_wake(&barrier->viewers, NULL, EPOLLPRI);
}

static __poll_t poller_events(struct dmashm_barrier *barrier,
			      const struct dmashm_poller *poller)
{
	__poll_t events = 0;

	lockdep_assert_held(&barrier->lock);
	if (!poller->armed)
		return 0;
	if (READ_ONCE(*dmashm_word(barrier->words, poller->offset)) !=
	    poller->expected)
		events |= EPOLLIN | EPOLLRDNORM;
	if (*barrier->departures != poller->departures)
		events |= EPOLLPRI;
	return events;
}

/**
 * dmashm_poller_poll() - poll on a member fd
 * @file:  the member
 * @table: as the core gives it
 *
 * Return: what is to be told now.
 */
__poll_t dmashm_poller_poll(struct file *file, struct poll_table_struct *table)
{
	struct dmashm_member *member = file->private_data;
	struct dmashm_barrier *barrier = &member->buffer->barrier;
	__poll_t events;

	poll_wait(file, &member->poller.queue, table);
	/* The lock: who tells takes it after the word was changed. */
	spin_lock_irq(&barrier->lock);
	events = list_empty(&member->node) ?
		 EPOLLHUP : poller_events(barrier, &member->poller);
	spin_unlock_irq(&barrier->lock);
	return events;
}
