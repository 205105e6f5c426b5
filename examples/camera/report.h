/* SPDX-License-Identifier: MIT */
/* What a process says of its frames, each time it has done so many. */
#ifndef REPORT_H
#define REPORT_H

#include <stdint.h>

#define REPORT_MAX	1000	/* frames between two reports */
#define REPORT_SPANS	2	/* latencies of one frame */

/* One figure of each frame. */
struct span {
	const char *what;		/* NULL: not used */
	unsigned int count;
	uint64_t ns[REPORT_MAX];
};

struct report {
	const char *name;
	struct span spans[REPORT_SPANS];
	unsigned int every;
	/* Since the last report: */
	unsigned int frames;
	unsigned int dropped;
	uint64_t begin;
	struct span cpu;
	uint64_t cpu_seen;		/* CPU time at the last frame */
};

void report_begin(struct report *report, const char *name, unsigned int every);
void report_span(struct report *report, unsigned int span, uint64_t ns);
/* One frame more; prints a line where it is due. */
void report_frame(struct report *report, uint32_t number);

/* CPU time of this process. */
uint64_t cpu_ns(void);

#endif /* REPORT_H */
