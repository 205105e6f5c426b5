// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all ioctls of the module have in common: structs that may grow, and new
 * fds that user space sees only when the whole call has worked. And the
 * calls that the device and a member both answer.
 */
#include <linux/bug.h>
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/nsproxy.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/time_namespace.h>
#include <linux/uaccess.h>

#include "dmashm_buffer.h"
#include "dmashm_dmabuf.h"
#include "dmashm_ioctl.h"
#include "dmashm_member.h"

static_assert(sizeof(struct dmashm_create) == DMASHM_CREATE_V0);
static_assert(sizeof(struct dmashm_join) == DMASHM_JOIN_V0);
static_assert(sizeof(struct dmashm_info) == DMASHM_INFO_V0);
static_assert(sizeof(struct dmashm_wait) == DMASHM_WAIT_V0);
static_assert(sizeof(struct dmashm_wake) == DMASHM_WAKE_V0);
static_assert(sizeof(struct dmashm_lock) == DMASHM_LOCK_V0);
static_assert(sizeof(struct dmashm_unlock) == DMASHM_UNLOCK_V0);
static_assert(sizeof(struct dmashm_arm) == DMASHM_ARM_V0);
static_assert(sizeof(struct dmashm_export) == DMASHM_EXPORT_V0);
static_assert(sizeof(struct dmashm_seal) == DMASHM_SEAL_V0);

/* The commands are the same whatever size the caller's struct has. */
static const struct dmashm_ioctl *ioctl_find(unsigned int cmd,
					     const struct dmashm_ioctl *table,
					     size_t entries)
{
	size_t i;

	for (i = 0; i < entries; i++) {
		if (_IOC_TYPE(cmd) == _IOC_TYPE(table[i].cmd) &&
		    _IOC_NR(cmd) == _IOC_NR(table[i].cmd) &&
		    _IOC_DIR(cmd) == _IOC_DIR(table[i].cmd))
			return &table[i];
	}
	return NULL;
}

/**
 * dmashm_ioctl_give_file() - have the call end with a new fd
 * @call: the call; takes over the reference to the file, on failure too
 * @file: what the fd is to stand for
 *
 * The fd is reserved now, for the handler to write into its struct, and
 * installed when that has reached user space.
 *
 * Return: the fd, or -EMFILE and the like.
 */
int dmashm_ioctl_give_file(struct dmashm_call *call, struct file *file)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);

	if (fd < 0) {
		fput(file);
		return fd;
	}
	call->new_file = file;
	call->new_fd = fd;
	return fd;
}

static void ioctl_take_file_back(struct dmashm_call *call)
{
	if (!call->new_file)
		return;
	put_unused_fd(call->new_fd);
	fput(call->new_file);
}

/**
 * dmashm_ioctl_deadline() - a deadline of the caller as the kernel counts
 * @deadline: CLOCK_MONOTONIC as the caller sees it, which a time namespace may
 *            have shifted
 *
 * Return: the same moment for ktime_get_ns(); DMASHM_NEVER stays what it is.
 */
u64 dmashm_ioctl_deadline(u64 deadline)
{
	s64 shift = 0;

	if (deadline > KTIME_MAX)
		return DMASHM_NEVER;
#ifdef CONFIG_TIME_NS
	shift = timespec64_to_ns(&current->nsproxy->time_ns->offsets.monotonic);
#endif
	/* Only a clock that was set back can overflow: that is very late. */
	if (check_sub_overflow((s64)deadline, shift, &shift))
		return DMASHM_NEVER;
	return max(shift, 0LL);
}

/**
 * dmashm_ioctl() - run one ioctl
 * @file:    what it is called on
 * @cmd:     the command; its size field is the size of the caller's struct
 * @arg:     the caller's struct
 * @table:   the commands that @file answers
 * @entries: how many
 *
 * Return: as the UAPI header states.
 */
long dmashm_ioctl(struct file *file, unsigned int cmd, unsigned long arg,
		  const struct dmashm_ioctl *table, size_t entries)
{
	const struct dmashm_ioctl *ioctl = ioctl_find(cmd, table, entries);
	void __user *user = (void __user *)arg;
	struct dmashm_call call = {};
	size_t size, user_size;
	int ret;

	if (!ioctl)
		return -ENOTTY;
	size = _IOC_SIZE(ioctl->cmd);
	user_size = _IOC_SIZE(cmd);
	if (user_size < ioctl->size_v0)
		return -EINVAL;
	ret = copy_struct_from_user(&call.arg, size, user, user_size);
	if (ret)
		return ret;

	ret = ioctl->handler(file, &call);
	if (ret)
		goto take_file_back;
	if (_IOC_DIR(cmd) & _IOC_READ &&
	    copy_to_user(user, &call.arg, min(size, user_size))) {
		ret = -EFAULT;
		goto take_file_back;
	}
	if (call.new_file)
		fd_install(call.new_fd, call.new_file);
	return 0;

take_file_back:
	ioctl_take_file_back(&call);
	return ret;
}

/* What a call is about: a buffer, and what the fds given allow with its data. */
struct ioctl_target {
	struct dmashm_buffer *buffer;	/* a reference */
	fmode_t mode;
};

static int ioctl_target_dmabuf(struct ioctl_target *target,
			       const struct dmashm_member *asked,
			       struct dma_buf *dmabuf)
{
	struct dmashm_buffer *buffer = dmashm_dmabuf_buffer(dmabuf);

	if (!buffer)
		return -EINVAL;
	if (!(dmabuf->file->f_mode & FMODE_READ))
		return -EACCES;
	if (asked && buffer != asked->buffer)
		return -EXDEV;
	target->buffer = dmashm_buffer_ref(buffer);
	target->mode &= dmabuf->file->f_mode;
	return 0;
}

/* @asked: the member asked, NULL on the device. @fd: as in struct dmashm_join. */
static int ioctl_find_target(struct ioctl_target *target,
			     const struct dmashm_member *asked, int fd)
{
	struct dma_buf *dmabuf;
	int ret;

	target->mode = FMODE_READ | FMODE_WRITE;
	if (asked && asked->viewer)
		target->mode = FMODE_READ;
	if (asked && fd == -1) {
		target->buffer = dmashm_buffer_ref(asked->buffer);
		return 0;
	}
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = ioctl_target_dmabuf(target, asked, dmabuf);
	dma_buf_put(dmabuf);
	return ret;
}

/**
 * dmashm_ioctl_join() - DMASHM_IOC_JOIN
 * @asked: the member asked, NULL on the device
 * @call:  the call
 *
 * Return: as the UAPI header says.
 */
int dmashm_ioctl_join(struct dmashm_member *asked, struct dmashm_call *call)
{
	struct dmashm_join *join = &call->arg.join;
	struct ioctl_target target;
	struct file *file;
	int fd, ret;

	if (join->flags || join->pad)
		return -EINVAL;
	ret = ioctl_find_target(&target, asked, join->dmabuf_fd);
	if (ret)
		return ret;
	file = dmashm_member_file(target.buffer, !(target.mode & FMODE_WRITE),
				  join);
	dmashm_buffer_put(target.buffer);
	if (IS_ERR(file))
		return PTR_ERR(file);
	fd = dmashm_ioctl_give_file(call, file);
	if (fd < 0)
		return fd;
	join->fd = fd;
	return 0;
}

static int ioctl_check_export(const struct ioctl_target *target, int mode)
{
	if (mode == O_RDONLY)
		return 0;
	if (!(target->mode & FMODE_WRITE))
		return -EACCES;
	return dmashm_writers_sealed(&target->buffer->writers) ? -EPERM : 0;
}

/**
 * dmashm_ioctl_export() - DMASHM_IOC_EXPORT
 * @asked: the member asked, NULL on the device
 * @call:  the call
 *
 * Return: as the UAPI header says.
 */
int dmashm_ioctl_export(struct dmashm_member *asked, struct dmashm_call *call)
{
	struct dmashm_export *export = &call->arg.export;
	struct ioctl_target target;
	struct dma_buf *dmabuf;
	int fd, ret;

	if (export->pad ||
	    (export->flags != O_RDONLY && export->flags != O_RDWR))
		return -EINVAL;
	ret = ioctl_find_target(&target, asked, export->dmabuf_fd);
	if (ret)
		return ret;
	ret = ioctl_check_export(&target, export->flags);
	dmabuf = ret ? ERR_PTR(ret) :
		       dmashm_dmabuf_export(target.buffer, export->flags,
					    export->flags == O_RDONLY);
	dmashm_buffer_put(target.buffer);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	fd = dmashm_ioctl_give_file(call, dmabuf->file);
	if (fd < 0)
		return fd;
	export->fd = fd;
	return 0;
}

static u32 ioctl_info_flags(const struct ioctl_target *target)
{
	return (target->mode & FMODE_WRITE ? 0 : DMASHM_INFO_RDONLY) |
	       (dmashm_writers_sealed(&target->buffer->writers) ?
		DMASHM_INFO_SEALED : 0);
}

/**
 * dmashm_ioctl_info() - DMASHM_IOC_INFO
 * @asked: the member asked, NULL on the device
 * @call:  the call
 *
 * Return: as the UAPI header says.
 */
int dmashm_ioctl_info(struct dmashm_member *asked, struct dmashm_call *call)
{
	struct dmashm_info *info = &call->arg.info;
	struct ioctl_target target;
	struct dmashm_buffer *buffer;
	int ret;

	if (info->flags || info->pad)
		return -EINVAL;
	ret = ioctl_find_target(&target, asked, info->dmabuf_fd);
	if (ret)
		return ret;
	buffer = target.buffer;
	info->flags = ioctl_info_flags(&target);
	info->id = asked ? asked->id : 0;
	info->size = buffer->size;
	info->buffer_id = buffer->id;
	info->abi = DMASHM_ABI;
	info->capacity = DMASHM_CAPACITY;
	info->members = READ_ONCE(buffer->barrier.member_count);
	info->attachments = READ_ONCE(buffer->control.facts->attachments);
	BUILD_BUG_ON(sizeof(info->name) != sizeof(buffer->name));
	memcpy(info->name, buffer->name, sizeof(info->name));
	dmashm_buffer_put(buffer);
	return 0;
}
