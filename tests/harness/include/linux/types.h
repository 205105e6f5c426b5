/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_TYPES_H
#define HARNESS_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;
typedef unsigned int __poll_t;
typedef int vm_fault_t;

struct vm_fault;

#define __must_hold(lock)
#define lockdep_assert_held(lock) ((void)(lock))

#endif /* HARNESS_TYPES_H */
