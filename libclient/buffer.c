// SPDX-License-Identifier: MIT
/* Handles: how they come and go. */
#include "private.h"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_device(void)
{
	int fd;

	do {
		fd = open(DMASHM_DEVICE, O_RDWR | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

/* Joins, and fills in what the kernel states about the buffer. */
static int attach(struct dmashm_buffer *buf, int through)
{
	struct dmashm_member member = { .fd = -1 };
	int err;

	err = dmashm_member_open(through, buf->dmabuf_fd, &member);
	if (err)
		return err;
	dmashm_member_publish(dmashm_self(buf), &member);
	buf->member_fd = member.fd;
	buf->view = !member.id;
	buf->size = (size_t)member.facts->size;
	if (buf->size == member.facts->size)
		return 0;
	/* More than this process can address. */
	dmashm_leave(buf);
	close(member.fd);
	return -EFBIG;
}

/**
 * dmashm_buffer_new() - a handle for a dma-buf
 * @dmabuf_fd: the handle's own from now on, but the caller's on failure
 * @through:   the device, or a member fd that passed dmashm_member_check();
 *             stays the caller's
 * @out:       the handle; untouched on failure
 */
int dmashm_buffer_new(int dmabuf_fd, int through, struct dmashm_buffer **out)
{
	struct dmashm_buffer *buf;
	int err;

	err = dmashm_handle_new(&buf);
	if (err)
		return err;
	buf->dmabuf_fd = dmabuf_fd;
	err = attach(buf, through);
	if (err)
		goto err_handle;
	*out = buf;
	return 0;

err_handle:
	dmashm_handle_free(buf);
	return err;
}

static int create_through(int device, struct dmashm_create *arg,
			  struct dmashm_buffer **out)
{
	int err;

	err = dmashm_ioctl(device, DMASHM_IOC_CREATE, arg);
	if (err)
		return err < 0 ? err : -EPROTO;
	/* For /proc/PID/fdinfo and debugfs only: no matter if it fails. */
	if (arg->name[0])
		(void)dmashm_ioctl(arg->fd, DMA_BUF_SET_NAME, arg->name);
	err = dmashm_buffer_new(arg->fd, device, out);
	if (err)
		close(arg->fd);
	return err;
}

int dmashm_create(size_t size, const char *name, unsigned int flags,
		  struct dmashm_buffer **out)
{
	struct dmashm_create arg = { .size = size, .fd = -1 };
	int device, err;

	if (!size || flags & ~DMASHM_CONTIGUOUS || !out)
		return -EINVAL;
	if (flags & DMASHM_CONTIGUOUS)
		arg.flags = DMASHM_CREATE_CONTIGUOUS;
	if (name) {
		size_t len = strnlen(name, sizeof(arg.name));

		if (len == sizeof(arg.name))
			return -EINVAL;
		memcpy(arg.name, name, len);
	}
	device = open_device();
	if (device < 0)
		return device;
	err = create_through(device, &arg, out);
	close(device);
	return err;
}

/* With a duplicate of the dma-buf, for the caller keeps his. */
static int import_through(int dmabuf_fd, int through, struct dmashm_buffer **out)
{
	int fd, err;

	fd = fcntl(dmabuf_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = dmashm_buffer_new(fd, through, out);
	if (err)
		close(fd);
	return err;
}

int dmashm_import(int dmabuf_fd, int member_fd, struct dmashm_buffer **out)
{
	int device, err;

	if (!out)
		return -EINVAL;
	if (member_fd != -1) {
		err = dmashm_member_check(member_fd);
		return err ? err : import_through(dmabuf_fd, member_fd, out);
	}
	device = open_device();
	if (device < 0)
		return device;
	err = import_through(dmabuf_fd, device, out);
	close(device);
	return err;
}

int dmashm_view(struct dmashm_buffer *buf, struct dmashm_buffer **out)
{
	struct dmashm_export arg = { .dmabuf_fd = -1, .flags = O_RDONLY, .fd = -1 };
	int err;

	if (!out)
		return -EINVAL;
	err = dmashm_ioctl(buf->member_fd, DMASHM_IOC_EXPORT, &arg);
	if (err)
		return err;
	err = dmashm_buffer_new(arg.fd, buf->member_fd, out);
	if (err)
		close(arg.fd);
	return err;
}

int dmashm_seal(struct dmashm_buffer *buf)
{
	struct dmashm_seal arg = { .flags = 0 };

	return dmashm_ioctl(buf->member_fd, DMASHM_IOC_SEAL, &arg);
}

unsigned int dmashm_access(const struct dmashm_buffer *buf)
{
	return buf->view ? DMASHM_READ : DMASHM_READ | DMASHM_WRITE;
}

void dmashm_close(struct dmashm_buffer *buf)
{
	if (!buf)
		return;
	dmashm_leave(buf);
	dmashm_unmap_all(buf);
	close(buf->member_fd);
	close(buf->dmabuf_fd);
	dmashm_handle_free(buf);
}

int dmashm_fd(const struct dmashm_buffer *buf)
{
	return buf->dmabuf_fd;
}

int dmashm_member_fd(const struct dmashm_buffer *buf)
{
	return buf->member_fd;
}

size_t dmashm_size(const struct dmashm_buffer *buf)
{
	return buf->size;
}
