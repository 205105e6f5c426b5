/* SPDX-License-Identifier: GPL-2.0-only */
/* Who takes part in a barrier. */
#ifndef DMASHM_MEMBERSHIP_H
#define DMASHM_MEMBERSHIP_H

struct dmashm_barrier;
struct dmashm_member;

int dmashm_membership_begin(struct dmashm_barrier *barrier,
			    struct dmashm_member *member);
void dmashm_membership_end(struct dmashm_barrier *barrier,
			   struct dmashm_member *member);

#endif /* DMASHM_MEMBERSHIP_H */
