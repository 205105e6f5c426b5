// SPDX-License-Identifier: MIT
#include "figure.h"

#include <stdlib.h>

#include "die.h"

static const char *const roles[] = {
	[OURS] = "ours",
	[STATIC] = "static",
	[PEER] = "peer",
	[REFERENCE] = "reference",
	[CONTROL] = "control",
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(struct figure *figure, unsigned int percent)
{
	qsort(figure->sample, figure->rounds, sizeof(figure->sample[0]), compare);
	return figure->sample[(figure->rounds - 1) * percent / 100];
}

void figure_add(struct figure *figure, double sample)
{
	if (figure->rounds == FIGURE_ROUNDS)
		die("more than %d rounds", FIGURE_ROUNDS);
	figure->sample[figure->rounds++] = sample;
}

double figure_median(struct figure *figure)
{
	return quantile(figure, 50);
}

unsigned int figure_alike(struct figure *figure)
{
	double median = figure_median(figure);
	unsigned int n, alike = 0;

	for (n = 0; n < figure->rounds; n++)
		alike += figure->sample[n] == median;
	return alike;
}

void figure_print(struct figure *figure, enum role role, const char *backend,
		  const char *operation, const char *unit, const char *note)
{
	printf("row\t%s\t%s\t%s\t%s\t%.2f\t%.2f\t%.2f\t%u\t%s\n", operation,
	       roles[role], backend, unit, quantile(figure, 50),
	       quantile(figure, 0), quantile(figure, 90), figure->rounds, note);
	fflush(stdout);
}
