/* SPDX-License-Identifier: MIT */
/* What is compared: the barrier and its peers, all in memory shared by processes. */
#ifndef BENCH_BACKEND_H
#define BENCH_BACKEND_H

#include <stdbool.h>

#include "figure.h"

enum operation { EXCLUSIVE, SHARED, BRACKET_WRITE, BRACKET_READ };

struct backend {
	enum operation operation;
	enum role role;
	const char *name;
	bool is_shared;		/* several can be inside */
	int (*lock)(void);
	int (*unlock)(void);
	/* Both, n times, with the calls that a program would make. */
	void (*loop)(unsigned long n);
};

/* Ends with one that has no name. */
extern const struct backend backends[];

const char *operation_name(enum operation operation);

/* What loops cost by themselves. */
void empty_loop(unsigned long n);

/* All locks anew, to be called before fork(); and in the n-th child. */
void backends_open(void);
void backends_close(void);
void backends_inherit(unsigned int n);

#endif /* BENCH_BACKEND_H */
