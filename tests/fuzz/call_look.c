// SPDX-License-Identifier: MIT
/* What can be seen from outside, looked at while all else goes on. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "grammar.h"
#include "object.h"
#include "worker.h"

static char text[32768];

/* By pieces of any size, now and then from the middle. */
static long read_all(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;
	unsigned int i;

	note(" %s", path);
	if (fd < 0)
		return -errno;
	if (percent(10))
		lseek(fd, (off_t)grammar_position(), SEEK_SET);
	for (i = 0; i < 8 && n > 0; i++)
		n = read(fd, text, percent(80) ? sizeof(text) : below(512));
	if (n < 0)
		n = -errno;
	close(fd);
	return n < 0 ? n : 0;
}

static long run_look(const struct call *call)
{
	static const char *const paths[] = {
		"/sys/kernel/debug/dmashm/buffers",
		"/sys/kernel/debug/dmashm/buffers",
		"/sys/kernel/debug/dmashm/users",
		"/sys/class/misc/dmashm/buffers",
		"/sys/class/misc/dmashm/used_bytes",
		"/sys/module/dmashm/parameters/max_order",
		"/sys/module/dmashm/parameters/max_total_mib",
		"/sys/kernel/debug/dma_buf/bufinfo",
	};

	(void)call;
	return read_all(paths[below(sizeof(paths) / sizeof(paths[0]))]);
}

static long run_fdinfo(const struct call *call)
{
	struct object *object = percent(80) ? object_of(KIND_MEMBER) : object_any();
	char path[64];

	(void)call;
	if (!object)
		return CALL_NOTHING;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", object->fd);
	return read_all(path);
}

/* Page by page: who looks at smaps holds the mappings still. */
static long run_maps(const struct call *call)
{
	(void)call;
	return read_all(percent(50) ? "/proc/self/maps" : "/proc/self/smaps");
}

const struct call look_calls[] = {
	{ "debugfs and sysfs", 15, 0, ERRNO_LIST(EINVAL, ENOENT, EOVERFLOW), run_look, NULL },
	{ "fdinfo", 15, 0, ERRNO_LIST(EINVAL), run_fdinfo, NULL },
	{ "smaps", 2, 0, ERRNO_LIST(EINVAL, EIO), run_maps, NULL },
	{ 0 },
};
