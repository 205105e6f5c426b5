/* SPDX-License-Identifier: MIT */
/* The fds that a worker has, and what is known of them. */
#ifndef FUZZ_OBJECT_H
#define FUZZ_OBJECT_H

#include <stdbool.h>
#include <sys/types.h>

enum kind {
	KIND_NONE,		/* no fd, or one that nobody has */
	KIND_DEVICE,
	KIND_HEAP,
	KIND_DMABUF,
	KIND_MEMBER,
	KIND_SYNC_FILE,
	KIND_TIMELINE,		/* of sw_sync: fences as somebody says */
	KIND_VGEM,
	KIND_IMPORTER,
	KIND_TESTER,
	KIND_FOREIGN,		/* a dma-buf of somebody else's */
	KIND_EPOLL,
	KIND_SOURCE,		/* the end of a pipe that is read */
	KIND_SINK,		/* the other */
	KINDS,
};

/**
 * struct object - an fd
 * @fd:       -1: the place is free
 * @kind:     what it is
 * @readonly: nobody can write to the data through it
 * @view:     a dma-buf that EXPORT made with O_RDONLY
 * @owner:    of a member: the process that joined, wherever the fd has been since
 */
struct object {
	int fd;
	enum kind kind;
	bool readonly;
	bool view;
	pid_t owner;
};

/* None yet. */
void object_reset(void);

/* Keeps it; where there is no room, another one is closed. */
struct object *object_add(int fd, enum kind kind);

/* One of this kind; NULL if there is none. */
struct object *object_of(enum kind kind);

/* Mostly one of this kind, now and then another, or none that is open. */
struct object *object_pick(enum kind kind);

/* The same, a view if one is found soon: they are few. */
struct object *object_pick_view(enum kind kind);

struct object *object_any(void);
int object_close(struct object *object);

/* The one with this fd; NULL if it is gone. */
struct object *object_by_fd(int fd);

/* Of other drivers', which answer to our commands what they like. */
bool object_is_somebody_elses(const struct object *object);

const char *kind_name(enum kind kind);

#endif /* FUZZ_OBJECT_H */
