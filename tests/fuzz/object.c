// SPDX-License-Identifier: MIT
#include <stddef.h>
#include <unistd.h>

#include "object.h"
#include "worker.h"

#define OBJECTS 40

static struct object objects[OBJECTS];

void object_reset(void)
{
	int i;

	for (i = 0; i < OBJECTS; i++)
		objects[i] = (struct object){ .fd = -1 };
}

struct object *object_add(int fd, enum kind kind)
{
	struct object *place = NULL;
	int i;

	for (i = 0; i < OBJECTS && !place; i++)
		if (objects[i].fd < 0)
			place = &objects[i];
	if (!place) {
		place = &objects[below(OBJECTS)];
		close(place->fd);
	}
	*place = (struct object){ .fd = fd, .kind = kind };
	return place;
}

struct object *object_of(enum kind kind)
{
	unsigned int n = 0, wanted;
	int i;

	for (i = 0; i < OBJECTS; i++)
		n += objects[i].fd >= 0 && objects[i].kind == kind;
	if (!n)
		return NULL;
	wanted = below(n);
	for (i = 0;; i++)
		if (objects[i].fd >= 0 && objects[i].kind == kind && !wanted--)
			return &objects[i];
}

struct object *object_any(void)
{
	unsigned int n = 0, wanted;
	int i;

	for (i = 0; i < OBJECTS; i++)
		n += objects[i].fd >= 0;
	if (!n)
		return NULL;
	wanted = below(n);
	for (i = 0;; i++)
		if (objects[i].fd >= 0 && !wanted--)
			return &objects[i];
}

struct object *object_pick(enum kind kind)
{
	static struct object nothing;
	struct object *object = NULL;
	unsigned int way = below(100);
	int i;

	if (way < 91)
		object = object_of(kind);
	/* Somebody else's can do less. */
	for (i = 0; i < 2 && object && kind == KIND_MEMBER; i++)
		if (object->owner != me.pid && percent(75))
			object = object_of(kind);
	if (way >= 91 && way < 98)
		object = object_any();
	if (object)
		return object;
	nothing = (struct object){ .fd = way & 1 ? -1 : 1000000 };
	return &nothing;
}

struct object *object_pick_view(enum kind kind)
{
	struct object *object = object_pick(kind);
	int tries = 3;

	while (!object->view && tries--)
		object = object_pick(kind);
	return object;
}

int object_close(struct object *object)
{
	int fd = object->fd;

	object->fd = -1;
	return close(fd);
}

struct object *object_by_fd(int fd)
{
	int i;

	for (i = 0; fd >= 0 && i < OBJECTS; i++)
		if (objects[i].fd == fd)
			return &objects[i];
	return NULL;
}

bool object_is_somebody_elses(const struct object *object)
{
	return object->kind != KIND_DEVICE && object->kind != KIND_MEMBER &&
	       object->kind != KIND_DMABUF && object->kind != KIND_HEAP &&
	       object->kind != KIND_NONE;
}

const char *kind_name(enum kind kind)
{
	static const char *const names[KINDS] = {
		[KIND_NONE] = "nothing", [KIND_DEVICE] = "device",
		[KIND_HEAP] = "heap", [KIND_DMABUF] = "dmabuf",
		[KIND_MEMBER] = "member", [KIND_SYNC_FILE] = "sync_file",
		[KIND_TIMELINE] = "timeline", [KIND_VGEM] = "vgem", [KIND_IMPORTER] = "importer",
		[KIND_TESTER] = "tester", [KIND_FOREIGN] = "foreign",
		[KIND_EPOLL] = "epoll", [KIND_SOURCE] = "source",
		[KIND_SINK] = "sink",
	};

	return names[kind];
}
