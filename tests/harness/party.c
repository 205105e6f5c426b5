// SPDX-License-Identifier: MIT
/* See party.h. */
#include "party.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"

/* One of so many goes to the kernel without need. */
#define DETOUR 8

void (*party_mourn)(struct party *party);

/* Instead of ioctl(2), for the library. */
int harness_ioctl(int fd, unsigned long command, ...);

int harness_ioctl(int fd, unsigned long command, ...)
{
	va_list list;
	void *argument;
	int ret;

	va_start(list, command);
	argument = va_arg(list, void *);
	va_end(list);
	step();
	ret = gate_call(fd, command, argument);
	step();
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

/* Nobody is to come here: all have joined. */
int dmashm_enter_slowly(struct dmashm_buffer *buf)
{
	(void)buf;
	abort();
}

int dmashm_enter_to_read_slowly(struct dmashm_buffer *buf)
{
	(void)buf;
	abort();
}

static void join(struct party *party)
{
	struct dmashm_self *self = &party->self;
	uint32_t id, slot;

	memset(self, 0, sizeof(*self));
	self->words = gate_words();
	self->facts = gate_facts();
	if (party->view) {
		if (gate_join_to_read(party->buf.member_fd))
			abort();
		return;
	}
	if (gate_join(party->buf.member_fd, &id, &slot))
		abort();
	self->held = DMASHM_HELD(id);
	self->slot = self->words + DMASHM_OFF_SLOT(slot) / sizeof(uint32_t);
}

void party_open(struct party *party, int fd, bool view)
{
	memset(party, 0, sizeof(*party));
	pthread_mutex_init(&party->lock, NULL);
	pthread_cond_init(&party->reborn, NULL);
	party->view = view;
	party->buf.view = view;
	party->buf.member_fd = fd;
	join(party);
}

void party_close(struct party *party)
{
	gate_leave(party->buf.member_fd);
}

/*
 * Life and death
 */

static void new_life(struct worker *worker)
{
	worker->fate.left = worker->lifetime ?
			    1 + step_random() % worker->lifetime : 0;
}

static void die(void *process)
{
	struct party *party = process;
	struct worker *worker;

	pthread_mutex_lock(&party->lock);
	if (!party->dying && !party->immortal) {
		__atomic_store_n(&party->dying, 1, __ATOMIC_RELAXED);
		for (worker = party->workers; worker; worker = worker->next)
			task_signal(worker->task, TASK_KILLED);
	}
	pthread_mutex_unlock(&party->lock);
}

void party_enlist(struct worker *worker)
{
	struct party *party = worker->party;

	worker->task = task_current();
	if (!party)
		return;
	pthread_mutex_lock(&party->lock);
	while (party->dying)
		pthread_cond_wait(&party->reborn, &party->lock);
	worker->next = party->workers;
	party->workers = worker;
	party->threads++;
	worker->fate.dying = &party->dying;
	worker->fate.die = die;
	worker->fate.process = party;
	new_life(worker);
	pthread_mutex_unlock(&party->lock);
}

/* False where it died before. */
bool party_retire(struct worker *worker)
{
	struct party *party = worker->party;
	struct worker **link;
	bool retired;

	if (!party)
		return true;
	pthread_mutex_lock(&party->lock);
	retired = !party->dying;
	if (retired) {
		for (link = &party->workers; *link != worker;)
			link = &(*link)->next;
		*link = worker->next;
		party->threads--;
	}
	pthread_mutex_unlock(&party->lock);
	if (!retired)
		party_bury(worker);
	return retired;
}

static void leave_and_join(struct party *party)
{
	struct worker *worker;

	__atomic_store_n(&party->dying, 0, __ATOMIC_RELAXED);
	if (party_mourn)
		party_mourn(party);
	gate_leave(party->buf.member_fd);
	join(party);
	for (worker = party->workers; worker; worker = worker->next)
		task_signal(worker->task, TASK_CALM);
	party->deaths++;
	party->dead = 0;
	pthread_cond_broadcast(&party->reborn);
}

void party_bury(struct worker *worker)
{
	struct party *party = worker->party;
	unsigned int deaths;

	/* Whoever is last speaks for the dead, and does not die of it. */
	worker->fate.left = 0;
	pthread_mutex_lock(&party->lock);
	deaths = party->deaths;
	if (++party->dead == party->threads)
		leave_and_join(party);
	while (party->deaths == deaths)
		pthread_cond_wait(&party->reborn, &party->lock);
	pthread_mutex_unlock(&party->lock);
	new_life(worker);
}

void party_spare(struct party *party)
{
	pthread_mutex_lock(&party->lock);
	party->immortal = true;
	pthread_mutex_unlock(&party->lock);
}

/*
 * Locking
 */

static int take_directly(struct dmashm_buffer *buf, bool shared,
			 uint64_t deadline)
{
	return dmashm_lock_in_kernel(buf, (shared ? DMASHM_LOCK_SHARED : 0) |
				     (deadline ? 0 : DMASHM_LOCK_TRY), deadline);
}

static int take(struct dmashm_buffer *buf, bool shared, uint64_t deadline)
{
	if (!deadline)
		return shared ? dmashm_trylock_shared(buf) : dmashm_trylock(buf);
	return shared ? dmashm_timedlock_shared(buf, deadline) :
			dmashm_timedlock(buf, deadline);
}

int party_take(struct worker *worker, bool shared, uint64_t deadline)
{
	if (!worker->party)
		return gate_lock(shared, deadline);
	if (step_random() % DETOUR == 0)
		return take_directly(&worker->party->buf, shared, deadline);
	return take(&worker->party->buf, shared, deadline);
}

int party_give(struct worker *worker, bool shared)
{
	struct dmashm_buffer *buf;

	if (!worker->party)
		return gate_unlock(shared);
	buf = &worker->party->buf;
	/* A library that never came in shared does not know that it is in. */
	if (step_random() % DETOUR == 0 || (shared && !dmashm_reads(buf)))
		return dmashm_unlock_in_kernel(buf, shared ? DMASHM_UNLOCK_SHARED : 0);
	return shared ? dmashm_unlock_shared(buf) : dmashm_unlock(buf);
}

int party_recover(struct worker *worker)
{
	return worker->party ? dmashm_recover(&worker->party->buf) :
			       gate_recover();
}
