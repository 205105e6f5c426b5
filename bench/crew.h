/* SPDX-License-Identifier: MIT */
/* A crew: child processes that do the same work at the same time. */
#ifndef BENCH_CREW_H
#define BENCH_CREW_H

#include <stdbool.h>
#include <stdint.h>

#define CREW_MAX 64

/* Shared by the crew and who started it. */
struct board {
	uint32_t ready, go, stop;
	/* Of those who contend: written inside the lock, plainly. */
	volatile uint64_t counter __attribute__((aligned(256)));
	volatile uint32_t last;
	struct {
		uint64_t done, handed;
		double inside, cpu;	/* ns */
	} __attribute__((aligned(256))) member[CREW_MAX];
};

extern struct board *board;

/* Each does work(n), n from 0; pinned: on the CPU whose number is n, modulo. */
void crew_start(unsigned int count, void (*work)(unsigned int n), bool pinned);

/* In the work: waits until all may begin. */
void crew_ready(void);
/* In the work: is it over? */
bool crew_stopped(void);
/* In the work: sleeps until it is over. */
void crew_sleep(void);

/* All are ready, then begin; returns after so many milliseconds, with the time in ns. */
double crew_run(unsigned int ms);
/* It is over; waits for all. Returns what they have done. */
uint64_t crew_end(void);
/* After which the board is gone. */
void crew_free(void);

#endif /* BENCH_CREW_H */
