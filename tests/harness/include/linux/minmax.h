/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_MINMAX_H
#define HARNESS_MINMAX_H

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))

#endif /* HARNESS_MINMAX_H */
