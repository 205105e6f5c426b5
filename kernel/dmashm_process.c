// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who a member belongs to, and the moment at which that one is gone.
 *
 * A process is its address space: threads share it, a vfork child borrows it,
 * fork and exec begin another. When the last user of it is gone nobody can
 * unlock for its members any more, and the core tells so exactly once
 * (mmu_notifier .release), wherever their fds may still be: in a child, in a
 * message in flight, in a files table that outlives its process. None of
 * close, ->flush and the end of a mapping says as much.
 *
 * Whoever borrows the address space with get_task_mm() (reading /proc/PID/mem,
 * process_vm_readv, a core dump) delays that end until done.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "dmashm_gfp.h"
#include "dmashm_member.h"
#include "dmashm_process.h"

/* Those that process_free() has not freed yet. */
static atomic_t process_count = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(process_last_freed);

static struct dmashm_process *to_process(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct dmashm_process, notifier);
}

static struct mmu_notifier *process_alloc(struct mm_struct *mm)
{
	struct dmashm_process *process;

	process = kzalloc(sizeof(*process), DMASHM_GFP);
	if (!process)
		return ERR_PTR(-ENOMEM);
	atomic_inc(&process_count);
	mutex_init(&process->lock);
	INIT_LIST_HEAD(&process->members);
	return &process->notifier;
}

/* After the last put and a grace period; must not sleep. */
static void process_free(struct mmu_notifier *notifier)
{
	mutex_destroy(&to_process(notifier)->lock);
	kfree(to_process(notifier));
	if (atomic_dec_and_test(&process_count))
		wake_up(&process_last_freed);
}

/* The address space is about to be torn down: nobody runs in it any more. */
static void process_release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct dmashm_process *process = to_process(notifier);
	struct dmashm_member *member;

	mutex_lock(&process->lock);
	list_for_each_entry(member, &process->members, of_process) {
		dmashm_member_leave(member);
		cond_resched();	/* there can be as many as there are fds */
	}
	mutex_unlock(&process->lock);
}

static const struct mmu_notifier_ops process_ops = {
	.alloc_notifier = process_alloc,
	.free_notifier = process_free,
	.release = process_release,
};

/**
 * dmashm_process_get() - the caller's
 *
 * Context: process; takes mmap_lock.
 * Return: with a reference, for dmashm_process_put(); or an ERR_PTR: -ENOMEM;
 * -ERESTARTNOINTR a signal is pending: after it the call is made again.
 */
struct dmashm_process *dmashm_process_get(void)
{
	struct mmu_notifier *notifier;

	notifier = mmu_notifier_get(&process_ops, current->mm);
	/* A signal kept it from taking all locks; nothing has changed yet. */
	if (notifier == ERR_PTR(-EINTR))
		return ERR_PTR(-ERESTARTNOINTR);
	return IS_ERR(notifier) ? ERR_CAST(notifier) : to_process(notifier);
}

/**
 * dmashm_process_put() - let go of a process
 * @process: what dmashm_process_get() gave
 */
void dmashm_process_put(struct dmashm_process *process)
{
	mmu_notifier_put(&process->notifier);
}

/**
 * dmashm_process_exit() - wait until every process is freed
 *
 * For the end of the module: process_free() must not run after it. Members are
 * gone by then, but the core calls process_free() only after a grace period,
 * and mmu_notifier_synchronize() waits for that period, not for the call.
 */
void dmashm_process_exit(void)
{
	wait_event(process_last_freed, !atomic_read(&process_count));
	/* SRCU callbacks run with bottom halves off: wait for the last's return. */
	synchronize_rcu();
}
