/* SPDX-License-Identifier: MIT */
#ifndef HARNESS_ERRNO_H
#define HARNESS_ERRNO_H

#include <asm/errno.h>

#define ERESTARTSYS 512

#endif /* HARNESS_ERRNO_H */
