/* SPDX-License-Identifier: MIT */
/*
 * A crew: all who work on the barrier for a while. It works in short shifts:
 * at the end of each, when nobody comes any more who would wake a sleeper by
 * the way, all must come to their end.
 */
#ifndef HARNESS_CREW_H
#define HARNESS_CREW_H

#include "party.h"

#define CREW_PARTIES	8
#define CREW_WORKERS	48
#define CREW_KERNEL	(-1)	/* instead of a party */

struct crew {
	unsigned int parties, workers;
	struct party party[CREW_PARTIES];
	struct worker worker[CREW_WORKERS];
	bool scribbled;			/* the words may end up as anything */
	void (*ending)(struct crew *);	/* of a shift: wake who sleeps */
	uint64_t started;
	/* Over all shifts. */
	uint64_t done, took, wrote, worst;
	unsigned int deaths;
};

void crew_open(struct crew *crew);
void crew_form(struct crew *crew, unsigned int parties);
void crew_form_with_views(struct crew *crew, unsigned int parties,
			  unsigned int views);	/* the last of them */
struct worker *crew_add(struct crew *crew, int party,
			void (*work)(struct worker *), enum step_pace pace);
void crew_work(struct crew *crew, unsigned int ms);

bool crew_goes_on(const struct crew *crew);	/* the test's time is not up */
bool crew_over(void);				/* the shift is */
void crew_fail(const struct crew *crew, const char *reason);
void crew_report(const struct crew *crew);
void crew_sleep_us(unsigned int us);

#endif /* HARNESS_CREW_H */
