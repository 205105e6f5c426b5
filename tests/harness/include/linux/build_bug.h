/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_BUILD_BUG_H
#define HARNESS_BUILD_BUG_H

#define BUILD_BUG_ON(condition) _Static_assert(!(condition), #condition)

#endif /* HARNESS_BUILD_BUG_H */
