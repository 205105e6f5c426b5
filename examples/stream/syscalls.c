// SPDX-License-Identifier: MIT
/* The tracepoint raw_syscalls:sys_enter, counted for this thread by perf. */
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRACEPOINT "events/raw_syscalls/sys_enter/id"

static const char *const places[] = {
	"/sys/kernel/tracing/" TRACEPOINT,
	"/sys/kernel/debug/tracing/" TRACEPOINT,
};

/* The number by which the running kernel knows the tracepoint, or -errno. */
static long tracepoint_id(void)
{
	char text[32] = "";
	size_t n;
	int fd = -1;
	ssize_t got;

	for (n = 0; fd < 0 && n < sizeof(places) / sizeof(places[0]); n++)
		fd = open(places[n], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	return got > 0 ? strtol(text, NULL, 10) : -EIO;
}

static void give_up(struct syscalls *calls, const char *missing, int err)
{
	calls->fd = -1;
	calls->missing = missing;
	calls->err = err;
}

void syscalls_start(struct syscalls *calls)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
	};
	long id = tracepoint_id();

	*calls = (struct syscalls){ .fd = -1 };
	if (id < 0) {
		give_up(calls, places[0], (int)-id);
		return;
	}
	attr.config = (uint64_t)id;
	calls->fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1,
				 PERF_FLAG_FD_CLOEXEC);
	if (calls->fd < 0)
		give_up(calls, "perf_event_open", errno);
}

void syscalls_stop(struct syscalls *calls)
{
	uint64_t count;
	int fd = calls->fd;

	if (fd < 0)
		return;
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		calls->made = count - 1;	/* without this read */
	else
		give_up(calls, "reading the perf event", errno);
	close(fd);
}

void syscalls_print(const struct syscalls *calls, uint64_t frames, FILE *out)
{
	if (calls->missing)
		fprintf(out, "system calls not counted: %s: %s",
			calls->missing, strerror(calls->err));
	else
		fprintf(out, "%.1f system calls per frame",
			frames ? (double)calls->made / (double)frames : 0.0);
}
