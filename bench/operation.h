/* SPDX-License-Identifier: MIT */
/* What is done to memory, and measured. */
#ifndef BENCH_OPERATION_H
#define BENCH_OPERATION_H

#include "exporter.h"

struct cost {
	double taken;	/* by the clock */
	long faults;
};

struct operation {
	const char *name;
	/* Is there already a piece whose pages have all been written? */
	bool on_existing;
	/* An import: for dma-bufs, and the importer's own are not imported. */
	bool imports;
	/* Of an existing piece, or of one that it makes. */
	struct cost (*measure)(struct piece *piece);
};

/* Ends with one that has no name. */
extern const struct operation operations[];

/* @clock: which one to go by. */
void operations_open(double (*clock)(void));
void operations_close(void);

#endif /* BENCH_OPERATION_H */
