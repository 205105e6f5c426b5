/* SPDX-License-Identifier: MIT */
/* The gate: one buffer's barrier in the kernel, as user space gets to it. */
#ifndef HARNESS_GATE_H
#define HARNESS_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct dmashm_facts;

#define GATE_MEMBERS 48

void gate_open(void);
uint32_t *gate_words(void);
const struct dmashm_facts *gate_facts(void);

int gate_join(int fd, uint32_t *id, uint32_t *slot);
int gate_join_to_read(int fd);	/* a viewer */
void gate_leave(int fd);
int gate_call(int fd, unsigned long command, void *argument);

/* The kernel's own locking; a deadline of 0 tries only. */
int gate_lock(bool shared, uint64_t deadline);
int gate_unlock(bool shared);
int gate_recover(void);

/*
 * The kernel's own for a viewer, as where that reads its fd: calls @inside with
 * a lease of this call. What locking gave, or else unlocking.
 */
int gate_lease(uint64_t deadline, void (*inside)(void *), void *argument);

/*
 * The same, as for a SYNC by the viewer @fd: beside its lease, where it is in, and
 * not taken back as long as @inside runs. -ESTALE: before that; it did not run.
 */
int gate_lease_pinned(int fd, void (*inside)(void *), void *argument);

unsigned int gate_tenants(void);	/* who sleep for a lease */

#define GATE_LEASE_NEVER_ENDS (UINT64_MAX / 4)
void gate_set_lease_ns(uint64_t ns);

/* What is left behind though nobody is at work, in the words too where they
 * can be trusted; NULL for nothing. */
const char *gate_litter(bool trusted);
void gate_describe(void);

#endif /* HARNESS_GATE_H */
