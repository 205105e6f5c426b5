// SPDX-License-Identifier: MIT
/* ioctl(2) with -errno for its result. */
#include "private.h"

#include <sys/ioctl.h>

/* For calls after which something else comes before they are made again. */
int dmashm_ioctl_once(int fd, unsigned long command, void *argument)
{
	/* musl's request is an int: convert there, not at every caller. */
	int result = ioctl(fd, command, argument);

	return result < 0 ? -errno : result;
}

/* A signal does not end it. Deadlines are absolute, so that repeating is free. */
int dmashm_ioctl(int fd, unsigned long command, void *argument)
{
	int result;

	do {
		result = dmashm_ioctl_once(fd, command, argument);
	} while (result == -EINTR);
	return result;
}
