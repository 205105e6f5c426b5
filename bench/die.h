/* SPDX-License-Identifier: MIT */
/* A benchmark that cannot measure says why and fails. */
#ifndef BENCH_DIE_H
#define BENCH_DIE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define die(...) do {				\
	fprintf(stderr, "%s: ", program_invocation_short_name);	\
	fprintf(stderr, __VA_ARGS__);		\
	fputc('\n', stderr);			\
	exit(1);				\
} while (0)

#endif /* BENCH_DIE_H */
