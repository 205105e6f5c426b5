// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "video.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <sys/ioctl.h>
#include <time.h>

#include "frame.h"

#define PATIENCE	5000000000u	/* with a driver that ends a stream */

static int call(const struct video *video, unsigned long request, void *argument)
{
	int ret;

	do {
		ret = ioctl(video->fd, request, argument);
	} while (ret && errno == EINTR);
	return ret;
}

/* While the file of one who died is being closed, it is EBUSY. */
static void call_in_time(const struct video *video, unsigned long request,
			 void *argument, const char *remedy)
{
	const struct timespec moment = { .tv_nsec = 20000000 };
	uint64_t deadline = now_ns() + PATIENCE;

	while (call(video, request, argument)) {
		if (errno != EBUSY || now_ns() > deadline)
			err(1, "%s: %s", video->device, remedy);
		nanosleep(&moment, NULL);
	}
}

static void choose_format(const struct video *video)
{
	struct v4l2_format format = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	struct v4l2_pix_format *pix = &format.fmt.pix;

	pix->width = FRAME_WIDTH;
	pix->height = FRAME_HEIGHT;
	pix->pixelformat = V4L2_PIX_FMT_XBGR32;
	pix->field = V4L2_FIELD_NONE;
	pix->bytesperline = FRAME_STRIDE;
	call_in_time(video, VIDIOC_S_FMT, &format,
		     "the format could not be set; end who else uses the camera");
	if (pix->width != FRAME_WIDTH || pix->height != FRAME_HEIGHT ||
	    pix->pixelformat != V4L2_PIX_FMT_XBGR32 ||
	    pix->bytesperline != FRAME_STRIDE || pix->sizeimage > FRAME_BYTES)
		errx(1, "%s gives no %d x %d pictures of 32-bit BGRX, but %u x %u, %.4s; take another camera, such as vivid's",
		     video->device, FRAME_WIDTH, FRAME_HEIGHT, pix->width, pix->height,
		     (const char *)&pix->pixelformat);
}

/* A camera may not know how to change it; then its own rate is as good. */
static void choose_rate(const struct video *video, unsigned int rate)
{
	struct v4l2_streamparm parm = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };

	parm.parm.capture.timeperframe = (struct v4l2_fract){ 1, rate };
	call(video, VIDIOC_S_PARM, &parm);
}

void video_open(struct video *video, const char *device, unsigned int rate,
		unsigned int count)
{
	struct v4l2_requestbuffers request = {
		.count = count,
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
	};

	*video = (struct video){ .device = device };
	video->fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (video->fd < 0)
		err(1, "%s cannot be opened; is there a camera (modprobe vivid), and the right to it?",
		    device);
	choose_format(video);
	choose_rate(video, rate);
	call_in_time(video, VIDIOC_REQBUFS, &request,
		     "it takes no dma-bufs, or somebody else uses it; end him, or take another camera");
	if (request.count < count)
		errx(1, "%s takes only %u frames of the %u", device, request.count, count);
}

void video_start(struct video *video)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

	if (call(video, VIDIOC_STREAMON, &type))
		err(1, "%s does not start", video->device);
}

void video_queue(struct video *video, unsigned int index, int dmabuf_fd)
{
	struct v4l2_buffer buffer = {
		.index = index,
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
		.m.fd = dmabuf_fd,
	};

	if (call(video, VIDIOC_QBUF, &buffer))
		err(1, "%s does not take a frame", video->device);
	video->queued++;
}

int video_take(struct video *video, bool *good)
{
	struct v4l2_buffer buffer = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
	};

	if (call(video, VIDIOC_DQBUF, &buffer)) {
		if (errno == EAGAIN)
			return -1;
		err(1, "%s gives no frame", video->device);
	}
	video->queued--;
	*good = !(buffer.flags & V4L2_BUF_FLAG_ERROR);
	return (int)buffer.index;
}
