/* SPDX-License-Identifier: MIT */
/* A figure: what some rounds of one measurement gave, and a row of the table. */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

/*
 * STATIC: ours, by the static library. PEER: what users would take instead.
 * REFERENCE: does something else, or less, but is good to know beside the rest.
 * CONTROL: one of the peers a second time; how far the two are apart is what a
 * difference is worth in that run.
 */
enum role { OURS, STATIC, PEER, REFERENCE, CONTROL };

#define FIGURE_ROUNDS 301

struct figure {
	unsigned int rounds;
	double sample[FIGURE_ROUNDS];
};

void figure_add(struct figure *figure, double sample);

/* @note: for people, may be empty. Sorts the samples. */
void figure_print(struct figure *figure, enum role role, const char *backend,
		  const char *operation, const char *unit, const char *note);

double figure_median(struct figure *figure);

/* How many samples are the median, to the last digit. */
unsigned int figure_alike(struct figure *figure);

#endif /* BENCH_FIGURE_H */
