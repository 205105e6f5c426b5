/* SPDX-License-Identifier: MIT */
/* Another process, which is handed memory and reads its first byte. */
#ifndef BENCH_RECEIVER_H
#define BENCH_RECEIVER_H

#include "exporter.h"

struct receipt {
	double read_at;	/* the clock when it had read the first byte */
	double paid;	/* for mmap, that byte, munmap and close */
	long faults;	/* in that time */
};

/* @clock: the one of all processes. */
void receiver_start(double (*clock)(void));
void receiver_end(void);

/* Tells it what is about to come, by piece_send() into the socket returned. */
int receiver_prepare(const struct piece *piece);
void receiver_wait(struct receipt *receipt);

#endif /* BENCH_RECEIVER_H */
