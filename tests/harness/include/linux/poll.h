/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_POLL_H
#define HARNESS_POLL_H

#include <linux/types.h>

struct poll_table_struct;

#endif /* HARNESS_POLL_H */
