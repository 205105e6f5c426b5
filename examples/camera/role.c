// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "role.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define MOMENT_MS	20
#define PATIENCE_MS	5000
/* Who meets takes a role, then looks for the frames, up to 10 s: others let him. */
#define MEETING_MS	20000

const char *const role_names[] = {
	[CAMERA] = "camera",
	[OVERLAY] = "overlay",
	[DISPLAY] = "display",
	[NO_ROLE] = "witness",
};

static int open_lock(const char *directory, const char *name)
{
	char path[4096];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s.lock", directory, name) >= (int)sizeof(path))
		errx(2, "the directory's name is too long; take a shorter one");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		err(1, "%s cannot be opened; make the directory, and be its owner", path);
	return fd;
}

static bool lock(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(fd, F_SETLK, &whole))
		return true;
	if (errno != EACCES && errno != EAGAIN)
		err(1, "a file could not be locked; take a directory on a local file system");
	return false;
}

static bool lock_in_time(int fd, int patience_ms)
{
	const struct timespec moment = { .tv_nsec = MOMENT_MS * 1000000 };
	int waited;

	for (waited = 0; waited < patience_ms; waited += MOMENT_MS) {
		if (lock(fd))
			return true;
		nanosleep(&moment, NULL);
	}
	return false;
}

int role_open(const char *directory, enum role role)
{
	return open_lock(directory, role_names[role]);
}

void role_take(int fd, enum role role)
{
	if (!lock_in_time(fd, PATIENCE_MS))
		errx(1, "process %d is the %s of this directory already; end it, or take another directory",
		     role_holder(fd), role_names[role]);
}

pid_t role_holder(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &whole))
		err(1, "F_GETLK");
	return whole.l_type == F_UNLCK ? 0 : whole.l_pid;
}

int role_begin_meeting(const char *directory)
{
	int fd = open_lock(directory, "meeting");

	if (!lock_in_time(fd, MEETING_MS))
		errx(1, "process %d has been looking for the others for %d seconds; end it",
		     role_holder(fd), MEETING_MS / 1000);
	return fd;
}

void role_end_meeting(int fd)
{
	close(fd);
}
