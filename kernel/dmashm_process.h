/* SPDX-License-Identifier: GPL-2.0-only */
/* A process, as members know it: an address space and its end. */
#ifndef DMASHM_PROCESS_H
#define DMASHM_PROCESS_H

#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/sched.h>

/* One for each address space that has members; counted by the notifier. */
struct dmashm_process {
	struct mmu_notifier notifier;
	struct mutex lock;		/* outside dmashm_barrier.lock */
	struct list_head members;	/* lock; of all buffers */
};

struct dmashm_process *dmashm_process_get(void);
void dmashm_process_put(struct dmashm_process *process);
void dmashm_process_exit(void);

/* Whether it is the caller's. Its mm is held, so no other has that address. */
static inline bool dmashm_process_is_mine(const struct dmashm_process *process)
{
	return process->notifier.mm == current->mm;
}

#endif /* DMASHM_PROCESS_H */
