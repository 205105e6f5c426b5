/* SPDX-License-Identifier: MIT */
/* A stream of numbers that its seed determines. */
#ifndef FUZZ_RANDOM_H
#define FUZZ_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_mix(uint64_t x)
{
	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ull;
	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ull;
	return x ^ (x >> 32);
}

/* Streams of seeds that are neighbours have nothing to do with each other. */
static inline uint64_t random_stream(uint64_t seed, uint64_t round, uint64_t worker,
				     uint64_t life)
{
	uint64_t stream = random_mix(seed + 1);

	stream = random_mix(stream + round);
	stream = random_mix(stream + worker);
	return random_mix(stream + life);
}

static inline uint64_t random_next(struct random *random)
{
	random->state += 0x9e3779b97f4a7c15ull;
	return random_mix(random->state);
}

/* 0 to n - 1. */
static inline uint64_t random_below(struct random *random, uint64_t n)
{
	return random_next(random) % n;
}

#endif /* FUZZ_RANDOM_H */
