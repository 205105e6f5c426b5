/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_BITS_H
#define HARNESS_BITS_H

#define BIT_ULL(n) (1ull << (n))

#endif /* HARNESS_BITS_H */
