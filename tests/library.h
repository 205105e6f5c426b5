/* SPDX-License-Identifier: MIT */
/* The library as tests call it: handles, and what begins many of them. */
#ifndef TESTS_LIBRARY_H
#define TESTS_LIBRARY_H

#include <dmashm.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "uapi.h"

#define SECOND 1000000000ull

static inline struct dmashm_buffer *new_buffer(size_t size)
{
	struct dmashm_buffer *buf;

	ASSERT_EQ(dmashm_create(size, "test", 0, &buf), 0);
	return buf;
}

/* Another member of the same buffer in this process. */
static inline struct dmashm_buffer *twin(struct dmashm_buffer *buf)
{
	struct dmashm_buffer *other;

	ASSERT_EQ(dmashm_import(dmashm_fd(buf), dmashm_member_fd(buf), &other), 0);
	return other;
}

static inline void *map_buffer(struct dmashm_buffer *buf)
{
	void *data;

	ASSERT_EQ(dmashm_map(buf, PROT_READ | PROT_WRITE, &data), 0);
	return data;
}

/* The page of words of a handle, as the library maps it for itself. */
static inline uint32_t *words_of(struct dmashm_buffer *buf)
{
	return dmashm_event(buf, 0) - DMASHM_OFF_EVENTS / 4;
}

/*
 * What the function does, in a child that is killed at any system call but
 * read, write and exit. True if it was not.
 */
static inline bool without_system_calls(void (*function)(struct dmashm_buffer *),
					struct dmashm_buffer *buf)
{
	pid_t pid = start_child();
	int status;

	if (!pid) {
		/* Joins for itself, and is seen as a reader from now on. */
		ASSERT_EQ(dmashm_lock_shared(buf), 0);
		ASSERT_EQ(dmashm_unlock_shared(buf), 0);
		ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), 0);
		function(buf);
		syscall(SYS_exit, 0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		ASSERT_EQ(WTERMSIG(status), SIGKILL);
		return false;
	}
	ASSERT_EQ(status, 0);
	return true;
}

#endif /* TESTS_LIBRARY_H */
