/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_WAIT_H
#define HARNESS_WAIT_H

typedef struct {
	int nobody;	/* polls here */
} wait_queue_head_t;

#endif /* HARNESS_WAIT_H */
