/* SPDX-License-Identifier: MIT */
/*
 * A camera in software: vivid, in three kinds. Two write with the CPU, through the
 * kernel's mapping of the buffer (vmap), and the third one is a device like
 * those that take one address and no list.
 */
#ifndef TESTS_CAMERA_H
#define TESTS_CAMERA_H

#include <linux/videodev2.h>
#include <poll.h>

#include "uapi.h"

enum camera_kind { CAMERA, CAMERA_OF_PLANES, CAMERA_WITH_DMA, CAMERAS };

#define CAMERA_BUFFERS	4
#define CAMERA_PLANES	2

struct camera {
	int fd;
	uint32_t type;		/* of buffers */
	uint32_t planes;	/* that a frame has, each in a buffer of its own */
	uint32_t width, height;
	uint32_t stride[CAMERA_PLANES], size[CAMERA_PLANES];
	uint32_t count;		/* of buffers asked for */
};

static inline bool is_of_planes(const struct camera *camera)
{
	return camera->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
}

#define VIVID_PARAMETERS "/sys/module/vivid/parameters"

static inline bool is_vivid_ours(void)
{
	return !system("cd " VIVID_PARAMETERS " 2>/dev/null && grep -qx 3 n_devs &&"
		       " grep -q ^1,2,1 multiplanar && grep -q ^0,0,1 allocators");
}

/* One that somebody left, loaded otherwise, goes first. */
static inline void load_vivid(void)
{
	uint64_t late = in_ms(10000);

	if (is_vivid_ours())
		return;
	if (system("modinfo vivid >/dev/null 2>&1"))
		SKIP("this kernel has no vivid");
	while (!access(VIVID_PARAMETERS, F_OK) && system("modprobe -q -r vivid")) {
		if (now_ns() > late)
			FAIL("vivid is loaded otherwise than wanted, and in use");
		sleep_ms(100);
	}
	if (system("modprobe -q vivid n_devs=3 node_types=1,1,1 num_inputs=1,1,1"
		   " input_types=0,0,0 multiplanar=1,2,1 allocators=0,0,1"))
		FAIL("vivid does not load");
}

/* Picks them by their place on vivid's bus: the nodes may have any number. */
static inline struct camera open_camera(enum camera_kind kind)
{
	struct camera camera = {
		.type = kind == CAMERA_OF_PLANES ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE :
						   V4L2_BUF_TYPE_VIDEO_CAPTURE,
	};
	struct v4l2_capability found;
	char path[32], bus[32];
	int i;

	load_vivid();
	snprintf(bus, sizeof(bus), "platform:vivid-%03d", kind);
	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/video%d", i);
		camera.fd = open(path, O_RDWR | O_CLOEXEC);
		if (camera.fd < 0)
			continue;
		ASSERT_EQ(ioctl(camera.fd, VIDIOC_QUERYCAP, &found), 0);
		if (!strcmp((char *)found.bus_info, bus))
			return camera;
		close(camera.fd);
	}
	FAIL("vivid has no %s", bus);
}

/* The value of a control, by the names that it and its choices have. */
static inline void set_control(const struct camera *camera, const char *name,
			       const char *choice)
{
	struct v4l2_queryctrl control = { .id = V4L2_CTRL_FLAG_NEXT_CTRL };
	struct v4l2_querymenu menu;
	struct v4l2_control value;

	while (!ioctl(camera->fd, VIDIOC_QUERYCTRL, &control) &&
	       strcmp((char *)control.name, name))
		control.id |= V4L2_CTRL_FLAG_NEXT_CTRL;
	ASSERT(!strcmp((char *)control.name, name));
	for (value.value = control.minimum; value.value <= control.maximum; value.value++) {
		menu = (struct v4l2_querymenu){
			.id = control.id, .index = (uint32_t)value.value,
		};
		if (!ioctl(camera->fd, VIDIOC_QUERYMENU, &menu) &&
		    !strcmp((char *)menu.name, choice))
			break;
	}
	ASSERT(value.value <= control.maximum);
	value.id = control.id;
	ASSERT_EQ(ioctl(camera->fd, VIDIOC_S_CTRL, &value), 0);
}

/* @stride of the first plane: 0 for what the camera takes itself. */
static inline void set_format(struct camera *camera, uint32_t width, uint32_t height,
			      uint32_t pixels, uint32_t stride)
{
	struct v4l2_format format = { .type = camera->type };
	struct v4l2_pix_format_mplane *planes = &format.fmt.pix_mp;
	struct v4l2_pix_format *pix = &format.fmt.pix;
	uint32_t i;

	if (is_of_planes(camera)) {
		*planes = (struct v4l2_pix_format_mplane){
			.width = width, .height = height, .pixelformat = pixels,
		};
		planes->plane_fmt[0].bytesperline = stride;
	} else {
		*pix = (struct v4l2_pix_format){
			.width = width, .height = height, .pixelformat = pixels,
			.bytesperline = stride,
		};
	}
	ASSERT_EQ(ioctl(camera->fd, VIDIOC_S_FMT, &format), 0);
	/* The first members of both are the same. */
	ASSERT_EQ(pix->width, width);
	ASSERT_EQ(pix->height, height);
	ASSERT_EQ(pix->pixelformat, pixels);
	camera->width = width;
	camera->height = height;
	camera->planes = is_of_planes(camera) ? planes->num_planes : 1;
	ASSERT(camera->planes <= CAMERA_PLANES);
	for (i = 0; i < camera->planes; i++) {
		camera->stride[i] = is_of_planes(camera) ?
				    planes->plane_fmt[i].bytesperline : pix->bytesperline;
		camera->size[i] = is_of_planes(camera) ?
				  planes->plane_fmt[i].sizeimage : pix->sizeimage;
	}
}

/* How many buffers the camera shall know, by their dma-bufs. */
static inline void ask_for_buffers(struct camera *camera, uint32_t count)
{
	struct v4l2_requestbuffers request = {
		.count = count, .type = camera->type, .memory = V4L2_MEMORY_DMABUF,
	};

	ASSERT_EQ(ioctl(camera->fd, VIDIOC_REQBUFS, &request), 0);
	ASSERT_EQ(request.count, count);
	camera->count = count;
}

/* Give it a buffer; -1 and errno. @length: how large to say it is; 0: ask it. */
static inline int queue(const struct camera *camera, uint32_t index,
			const int *dmabufs, uint32_t length)
{
	struct v4l2_plane planes[CAMERA_PLANES] = { 0 };
	struct v4l2_buffer buffer = {
		.index = index, .type = camera->type, .memory = V4L2_MEMORY_DMABUF,
	};
	uint32_t i;

	if (is_of_planes(camera)) {
		ASSERT(camera->planes <= CAMERA_PLANES);
		for (i = 0; i < camera->planes; i++) {
			planes[i].m.fd = dmabufs[i];
			planes[i].length = length;
		}
		buffer.m.planes = planes;
		buffer.length = camera->planes;
	} else {
		buffer.m.fd = dmabufs[0];
		buffer.length = length;
	}
	return ioctl(camera->fd, VIDIOC_QBUF, &buffer);
}

/* The same, where a frame has one plane. */
static inline int queue_one(const struct camera *camera, uint32_t index, int dmabuf,
			    uint32_t length)
{
	const int dmabufs[CAMERA_PLANES] = { dmabuf, -1 };

	return queue(camera, index, dmabufs, length);
}

/* A frame that came. */
struct shot {
	uint32_t index, sequence;
	uint32_t used[CAMERA_PLANES];	/* bytes, with what is left out before them */
	uint32_t offset[CAMERA_PLANES];	/* where it begins */
};

static inline struct shot take_shot(const struct camera *camera)
{
	struct v4l2_plane planes[CAMERA_PLANES] = { 0 };
	struct v4l2_buffer buffer = {
		.type = camera->type, .memory = V4L2_MEMORY_DMABUF,
		.length = camera->planes,
	};
	struct pollfd poll_fd = { .fd = camera->fd, .events = POLLIN };
	struct shot shot = { 0 };
	uint32_t i;

	if (is_of_planes(camera))
		buffer.m.planes = planes;
	ASSERT_EQ(poll(&poll_fd, 1, 20000), 1);
	ASSERT_EQ(poll_fd.revents & POLLERR, 0);
	ASSERT_EQ(ioctl(camera->fd, VIDIOC_DQBUF, &buffer), 0);
	ASSERT_EQ(buffer.flags & V4L2_BUF_FLAG_ERROR, 0);
	shot.index = buffer.index;
	shot.sequence = buffer.sequence;
	shot.used[0] = buffer.bytesused;
	for (i = 0; is_of_planes(camera) && i < camera->planes; i++) {
		shot.used[i] = planes[i].bytesused;
		shot.offset[i] = planes[i].data_offset;
	}
	return shot;
}

static inline void start_stream(const struct camera *camera)
{
	ASSERT_EQ(ioctl(camera->fd, VIDIOC_STREAMON, &camera->type), 0);
}

static inline void stop_stream(const struct camera *camera)
{
	ASSERT_EQ(ioctl(camera->fd, VIDIOC_STREAMOFF, &camera->type), 0);
}

#endif /* TESTS_CAMERA_H */
