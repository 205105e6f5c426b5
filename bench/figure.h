/* SPDX-License-Identifier: MIT */
/* A figure: what some rounds of one measurement gave, and a row of the table. */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

#include "backend.h"

#define FIGURE_ROUNDS 301

struct figure {
	unsigned int rounds;
	double sample[FIGURE_ROUNDS];
};

void figure_add(struct figure *figure, double sample);

/* @note: for people, may be empty. Sorts the samples. */
void figure_print(struct figure *figure, const struct backend *backend,
		  const char *operation, const char *unit, const char *note);

/* How many samples are the median, to the last digit. */
unsigned int figure_alike(struct figure *figure);

#endif /* BENCH_FIGURE_H */
