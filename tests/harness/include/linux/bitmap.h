/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_BITMAP_H
#define HARNESS_BITMAP_H

#include <linux/types.h>

#define BITS_PER_LONG (8 * sizeof(long))
#define BITS_TO_LONGS(bits) (((bits) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]

static inline void __set_bit(unsigned int n, unsigned long *map)
{
	map[n / BITS_PER_LONG] |= 1ul << n % BITS_PER_LONG;
}

static inline void __clear_bit(unsigned int n, unsigned long *map)
{
	map[n / BITS_PER_LONG] &= ~(1ul << n % BITS_PER_LONG);
}

static inline bool test_bit(unsigned int n, const unsigned long *map)
{
	return map[n / BITS_PER_LONG] >> n % BITS_PER_LONG & 1;
}

static inline void bitmap_zero(unsigned long *map, unsigned int bits)
{
	while (bits--)
		__clear_bit(bits, map);
}

static inline unsigned int find_first_zero_bit(const unsigned long *map,
					       unsigned int bits)
{
	unsigned int n;

	for (n = 0; n < bits; n++)
		if (!(map[n / BITS_PER_LONG] & 1ul << n % BITS_PER_LONG))
			break;
	return n;
}

#endif /* HARNESS_BITMAP_H */
