// SPDX-License-Identifier: MIT
/* What each ioctl takes, and what must be true of what it gives. */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/dma-buf.h>
#include <linux/dmashm.h>

#include "grammar.h"
#include "ioctl.h"
#include "mapping.h"
#include "object.h"
#include "worker.h"

#define FIELD(of, name, ...)						\
	{ offsetof(struct of, name), sizeof(((struct of *)0)->name), __VA_ARGS__ }
/*
 * What comes back
 */

static void check_fd(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0 || !(flags & FD_CLOEXEC))
		fail("the new fd %d is no fd, or not close-on-exec", fd);
}

/* Nobody may get more than he had. */
static bool was_readonly(const struct object *asked, const struct object *passed)
{
	return (asked && asked->kind == KIND_MEMBER && asked->readonly) ||
	       (passed && passed->readonly);
}

int ioctl_made = -1;

/* Who made it can do more: so there is a member of it, mostly. */
static void join_own(int dmabuf)
{
	struct object *device = object_of(KIND_DEVICE), *member;
	struct dmashm_join join = { .dmabuf_fd = dmabuf };

	if (!device || percent(40) || ioctl(device->fd, DMASHM_IOC_JOIN, &join))
		return;
	member = object_add(join.fd, KIND_MEMBER);
	member->owner = me.pid;
	ioctl_made = join.fd;
	/* What is before that says who joined. */
	mapping_check_zeroed(join.fd, grammar_page(), DMASHM_OFF_LIBRARY);
}

static void given_create(struct object *asked, struct object *passed, const void *arg)
{
	const struct dmashm_create *create = arg;

	(void)asked;
	(void)passed;
	check_fd(create->fd);
	if (!create->size || create->size % grammar_page())
		fail("CREATE gave %llu bytes", (unsigned long long)create->size);
	/* Nobody's data shows in it. The last page, and some other. */
	mapping_check_zeroed(create->fd, create->size - grammar_page(), 0);
	mapping_check_zeroed(create->fd,
			     below(create->size / grammar_page()) * grammar_page(), 0);
	object_add(create->fd, KIND_DMABUF);
	join_own(create->fd);
}

static void given_join(struct object *asked, struct object *passed, const void *arg)
{
	const struct dmashm_join *join = arg;
	bool readonly = was_readonly(asked, passed), viewer = !join->id;
	struct object *object;

	check_fd(join->fd);
	if (readonly && !viewer)
		fail("who may only read became a member that writes");
	if (viewer != (join->slot == DMASHM_NO_SLOT) ||
	    (!viewer && join->slot >= DMASHM_CAPACITY) || join->id > DMASHM_ID_MAX)
		fail("JOIN gave id %u, slot %u", join->id, join->slot);
	object = object_add(join->fd, KIND_MEMBER);
	object->readonly = viewer;
	object->owner = me.pid;
}

static void given_export(struct object *asked, struct object *passed, const void *arg)
{
	const struct dmashm_export *export = arg;
	bool readonly = was_readonly(asked, passed);
	struct object *object;

	check_fd(export->fd);
	if (readonly && export->flags != O_RDONLY)
		fail("who may only read was given a dma-buf to write");
	object = object_add(export->fd, KIND_DMABUF);
	object->view = export->flags == O_RDONLY;
	object->readonly = object->view;
}

static void given_info(struct object *asked, struct object *passed, const void *arg)
{
	const struct dmashm_info *info = arg;

	if (was_readonly(asked, passed) && !(info->flags & DMASHM_INFO_RDONLY))
		fail("INFO says that one may write who may not");
	if (!info->size || info->size % grammar_page() || !info->buffer_id ||
	    info->abi != DMASHM_ABI || info->capacity != DMASHM_CAPACITY ||
	    info->members > DMASHM_CAPACITY || info->id > DMASHM_ID_MAX ||
	    info->flags & ~(DMASHM_INFO_RDONLY | DMASHM_INFO_SEALED))
		fail("INFO gives what cannot be");
	if (!memchr(info->name, 0, sizeof(info->name)))
		fail("INFO gives a name without an end");
}

static void given_lock(struct object *asked, struct object *passed, const void *arg)
{
	const struct dmashm_lock *lock = arg;

	(void)passed;
	if (asked->owner != me.pid)
		fail("locked by another process than joined");
	if (asked->readonly && !(lock->flags & DMASHM_LOCK_SHARED))
		fail("a viewer locked exclusively");
}

static void given_unlock(struct object *asked, struct object *passed, const void *arg)
{
	const struct dmashm_unlock *unlock = arg;

	(void)passed;
	if (asked->owner != me.pid)
		fail("unlocked by another process than joined");
	if (asked->readonly && !(unlock->flags & DMASHM_UNLOCK_SHARED))
		fail("a viewer unlocked, or recovered");
}

/* What a viewer never does. */
static void given_writer(struct object *asked, struct object *passed, const void *arg)
{
	(void)passed;
	(void)arg;
	if (asked->readonly)
		fail("a viewer did that");
}

static void given_sync(struct object *asked, struct object *passed, const void *arg)
{
	const struct dmashm_sync *sync = arg;

	struct dmashm_info info = { .dmabuf_fd = -1 };

	(void)passed;
	if (asked->readonly && sync->flags & DMA_BUF_SYNC_WRITE)
		fail("a viewer synchronised to write");
	if (!ioctl(asked->fd, DMASHM_IOC_INFO, &info) &&
	    (sync->length > info.size || sync->offset > info.size - sync->length))
		fail("of %llu bytes", (unsigned long long)info.size);
}

/*
 * The structs
 */

const struct grammar ioctl_create = {
	DMASHM_IOC_CREATE, ON(KIND_DEVICE), {
		FIELD(dmashm_create, size, TYPE_SIZE, 0),
		FIELD(dmashm_create, flags, TYPE_FLAGS, DMASHM_CREATE_CONTIGUOUS),
		FIELD(dmashm_create, fd, TYPE_OUT, 0),
		FIELD(dmashm_create, name, TYPE_NAME, 0),
	}, given_create,
};

const struct grammar ioctl_join = {
	DMASHM_IOC_JOIN, ON(KIND_DEVICE) | ON(KIND_MEMBER), {
		FIELD(dmashm_join, dmabuf_fd, TYPE_FD, 0),
		FIELD(dmashm_join, flags, TYPE_FLAGS, 0),
		FIELD(dmashm_join, fd, TYPE_OUT, 0),
		FIELD(dmashm_join, id, TYPE_OUT, 0),
		FIELD(dmashm_join, slot, TYPE_OUT, 0),
		FIELD(dmashm_join, pad, TYPE_PAD, 0),
	}, given_join,
};

const struct grammar ioctl_export = {
	DMASHM_IOC_EXPORT, ON(KIND_DEVICE) | ON(KIND_MEMBER), {
		FIELD(dmashm_export, dmabuf_fd, TYPE_FD, 0),
		FIELD(dmashm_export, flags, TYPE_MODE, 0),
		FIELD(dmashm_export, fd, TYPE_OUT, 0),
		FIELD(dmashm_export, pad, TYPE_PAD, 0),
	}, given_export,
};

const struct grammar ioctl_info = {
	DMASHM_IOC_INFO, ON(KIND_DEVICE) | ON(KIND_MEMBER), {
		FIELD(dmashm_info, dmabuf_fd, TYPE_FD, 0),
		FIELD(dmashm_info, flags, TYPE_FLAGS, 0),
		FIELD(dmashm_info, size, TYPE_OUT, 0),
		FIELD(dmashm_info, buffer_id, TYPE_OUT, 0),
		FIELD(dmashm_info, abi, TYPE_OUT, 0),
		FIELD(dmashm_info, capacity, TYPE_OUT, 0),
		FIELD(dmashm_info, members, TYPE_OUT, 0),
		FIELD(dmashm_info, attachments, TYPE_OUT, 0),
		FIELD(dmashm_info, id, TYPE_OUT, 0),
		FIELD(dmashm_info, pad, TYPE_PAD, 0),
		FIELD(dmashm_info, name, TYPE_OUT, 0),
	}, given_info,
};

const struct grammar ioctl_seal = {
	DMASHM_IOC_SEAL, ON(KIND_MEMBER), {
		FIELD(dmashm_seal, flags, TYPE_FLAGS, 0),
		FIELD(dmashm_seal, pad, TYPE_PAD, 0),
	}, given_writer,
};

const struct grammar ioctl_wait_word = {
	DMASHM_IOC_WAIT, ON(KIND_MEMBER), {
		FIELD(dmashm_wait, offset, TYPE_OFFSET, 0),
		FIELD(dmashm_wait, expected, TYPE_VALUE, 0),
		FIELD(dmashm_wait, deadline, TYPE_DEADLINE, 0),
		FIELD(dmashm_wait, flags, TYPE_FLAGS, DMASHM_WAIT_DEPARTURES),
		FIELD(dmashm_wait, departures, TYPE_DEPARTURES, 0),
	}, NULL,
};

const struct grammar ioctl_wake = {
	DMASHM_IOC_WAKE, ON(KIND_MEMBER), {
		FIELD(dmashm_wake, offset, TYPE_OFFSET, 0),
		FIELD(dmashm_wake, count, TYPE_COUNT, 0),
		FIELD(dmashm_wake, flags, TYPE_FLAGS, 0),
		FIELD(dmashm_wake, woken, TYPE_OUT, 0),
	}, given_writer,
};

const struct grammar ioctl_arm = {
	DMASHM_IOC_ARM, ON(KIND_MEMBER), {
		FIELD(dmashm_arm, offset, TYPE_OFFSET, 0),
		FIELD(dmashm_arm, expected, TYPE_VALUE, 0),
		FIELD(dmashm_arm, flags, TYPE_FLAGS, 0),
		FIELD(dmashm_arm, departures, TYPE_DEPARTURES, 0),
	}, NULL,
};

const struct grammar ioctl_lock = {
	DMASHM_IOC_LOCK, ON(KIND_MEMBER), {
		FIELD(dmashm_lock, deadline, TYPE_DEADLINE, 0),
		FIELD(dmashm_lock, flags, TYPE_FLAGS,
		      DMASHM_LOCK_TRY | DMASHM_LOCK_SHARED),
		FIELD(dmashm_lock, pad, TYPE_PAD, 0),
	}, given_lock,
};

const struct grammar ioctl_unlock = {
	DMASHM_IOC_UNLOCK, ON(KIND_MEMBER), {
		FIELD(dmashm_unlock, flags, TYPE_FLAGS, DMASHM_UNLOCK_SHARED),
		FIELD(dmashm_unlock, pad, TYPE_PAD, 0),
	}, given_unlock,
};

const struct grammar ioctl_recover = {
	DMASHM_IOC_RECOVER, ON(KIND_MEMBER), {
		FIELD(dmashm_unlock, flags, TYPE_FLAGS, 0),
		FIELD(dmashm_unlock, pad, TYPE_PAD, 0),
	}, given_unlock,
};

const struct grammar ioctl_sync_range = {
	DMASHM_IOC_SYNC, ON(KIND_MEMBER), {
		FIELD(dmashm_sync, flags, TYPE_SYNC, 0),
		FIELD(dmashm_sync, offset, TYPE_POSITION, 0),
		FIELD(dmashm_sync, length, TYPE_LENGTH, 0),
	}, given_sync,
};
