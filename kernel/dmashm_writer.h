/* SPDX-License-Identifier: GPL-2.0-only */
/* Writers: who could write to the data, and giving that up for all (the seal). */
#ifndef DMASHM_WRITER_H
#define DMASHM_WRITER_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct dmashm_buffer;

struct dmashm_writers {
	/*
	 * Atomic: how many could write at the moment (mappings, attachments,
	 * vmaps, calls); below 0 nobody can, for good or while one tries to
	 * seal.
	 */
	atomic_t count;
	struct mutex sealing;	/* one tries to seal at a time */
	bool sealed;		/* written under sealing, once: for good */
};

void dmashm_writers_init(struct dmashm_writers *writers);
void dmashm_writers_exit(struct dmashm_writers *writers);
int dmashm_writer_add(struct dmashm_writers *writers);
void dmashm_writer_copy(struct dmashm_writers *writers);
void dmashm_writer_remove(struct dmashm_writers *writers);
int dmashm_writers_seal(struct dmashm_buffer *buffer);

/* Only to tell people: who wants to write calls dmashm_writer_add(). */
static inline bool dmashm_writers_sealed(const struct dmashm_writers *writers)
{
	return READ_ONCE(writers->sealed);
}

#endif /* DMASHM_WRITER_H */
