// SPDX-License-Identifier: MIT
/* A camera captures into buffers (V4L2_MEMORY_DMABUF). */
#include "camera.h"
#include "library.h"
#include "memory.h"
#include "remains.h"

#define FILL 0x5a	/* what no camera has written over */

/* One of the buffers that a camera has: as many dma-bufs as a frame has planes. */
struct image {
	int dmabuf[CAMERA_PLANES];
	uint8_t *data[CAMERA_PLANES];
};

static int create_with(size_t size, uint32_t flags)
{
	struct dmashm_create arg = { .size = size, .flags = flags, .name = "camera" };
	int device = open_device();

	ASSERT_EQ(ioctl(device, DMASHM_IOC_CREATE, &arg), 0);
	close(device);
	return arg.fd;
}

static void new_images(struct camera *camera, struct image *images, uint32_t flags)
{
	uint32_t i, p;

	ask_for_buffers(camera, CAMERA_BUFFERS);
	for (i = 0; i < CAMERA_BUFFERS; i++) {
		for (p = 0; p < camera->planes; p++) {
			images[i].dmabuf[p] = create_with(camera->size[p], flags);
			images[i].data[p] = map_data(images[i].dmabuf[p], camera->size[p]);
			memset(images[i].data[p], FILL, camera->size[p]);
		}
		ASSERT_EQ(queue(camera, i, images[i].dmabuf, 0), 0);
	}
}

static void close_images(const struct camera *camera, struct image *images)
{
	uint32_t i, p;

	for (i = 0; i < camera->count; i++)
		for (p = 0; p < camera->planes; p++) {
			close(images[i].dmabuf[p]);
			munmap(images[i].data[p], camera->size[p]);
		}
}

static uint64_t hash(const uint8_t *data, size_t size)
{
	uint64_t h = 1469598103934665603ull;
	size_t i;

	for (i = 0; i < size; i++)
		h = (h ^ data[i]) * 1099511628211ull;
	return h;
}

/* A frame was written to all of the plane, and is no single colour. */
static void is_filled(const uint8_t *data, size_t size)
{
	size_t seen[256] = { 0 }, i, most = 0;

	for (i = 0; i < size; i++)
		seen[data[i]]++;
	for (i = 0; i < 256; i++)
		if (seen[i] > most)
			most = seen[i];
	ASSERT(seen[FILL] < size / 10);
	ASSERT(most < size);
}

/*
 * Streams twice round all buffers. What is said of a frame's size is as large as
 * the format says, and frames come in their order, none like the one before: the
 * camera writes the time into the picture. A busy machine makes it leave some out.
 */
static void capture(enum camera_kind kind, uint32_t pixels, uint32_t width,
		    uint32_t height, uint32_t flags)
{
	struct camera camera = open_camera(kind);
	struct image images[CAMERA_BUFFERS];
	uint32_t sequence = 0, i, p;
	uint64_t last = 0, now;

	set_format(&camera, width, height, pixels, 0);
	new_images(&camera, images, flags);
	start_stream(&camera);
	for (i = 0; i < 2 * CAMERA_BUFFERS; i++) {
		struct shot shot = take_shot(&camera);
		struct image *image = &images[shot.index];

		ASSERT(!i || shot.sequence > sequence);
		sequence = shot.sequence;
		for (p = 0; p < camera.planes; p++) {
			ASSERT_EQ(shot.used[p], camera.size[p]);
			is_filled(image->data[p] + shot.offset[p],
				  camera.size[p] - shot.offset[p]);
		}
		now = hash(image->data[0], camera.size[0]);
		ASSERT(now != last);
		last = now;
		memset(image->data[0], FILL, camera.size[0]);
		ASSERT_EQ(queue(&camera, shot.index, image->dmabuf, 0), 0);
	}
	stop_stream(&camera);
	close_images(&camera, images);
	close(camera.fd);
	buffers_are(0);
}

TEST(yuyv_of_320_by_180)
{
	capture(CAMERA, V4L2_PIX_FMT_YUYV, 320, 180, 0);
}

TEST(rgb24_of_640_by_360)
{
	capture(CAMERA, V4L2_PIX_FMT_RGB24, 640, 360, 0);
}

TEST(xbgr32_of_640_by_480)
{
	capture(CAMERA, V4L2_PIX_FMT_XBGR32, 640, 480, 0);
}

TEST(three_planes_in_one_buffer)
{
	capture(CAMERA, V4L2_PIX_FMT_YUV420, 640, 480, 0);
}

TEST(yuyv_of_1280_by_720)
{
	capture(CAMERA, V4L2_PIX_FMT_YUYV, 1280, 720, 0);
}

TEST(contiguous_memory)
{
	capture(CAMERA, V4L2_PIX_FMT_YUYV, 640, 480, DMASHM_CREATE_CONTIGUOUS);
}

TEST(planes_in_buffers_of_their_own)
{
	capture(CAMERA_OF_PLANES, V4L2_PIX_FMT_NV12M, 640, 480, 0);
}

/* Its first plane begins some bytes behind the buffer's start. */
TEST(planes_with_an_offset)
{
	capture(CAMERA_OF_PLANES, V4L2_PIX_FMT_NV16M, 320, 180, 0);
}

TEST(by_dma)
{
	capture(CAMERA_WITH_DMA, V4L2_PIX_FMT_YUYV, 640, 480, DMASHM_CREATE_CONTIGUOUS);
}

/*
 * Every pixel is where width, stride and size say that it is, and not a byte of
 * what lies between rows or behind the last one has been touched.
 */
static void check_red(const struct camera *camera, const uint8_t *data, size_t size)
{
	const uint8_t *first = data;
	size_t row, i;

	ASSERT(first[0] > 200 && first[1] < 40 && first[2] < 40);
	for (row = 0; row < camera->height; row++) {
		const uint8_t *pixels = data + row * camera->stride[0];

		for (i = 0; i < camera->width * 3; i++)
			if (pixels[i] != first[i % 3])
				FAIL("row %zu, byte %zu is %d", row, i, pixels[i]);
		for (; i < camera->stride[0]; i++)
			if (pixels[i] != FILL)
				FAIL("row %zu, byte %zu between rows is %d", row, i, pixels[i]);
	}
	for (i = camera->height * camera->stride[0]; i < size; i++)
		if (data[i] != FILL)
			FAIL("byte %zu behind the picture is %d", i, data[i]);
}

static void paint_red(uint32_t width, uint32_t height, uint32_t stride)
{
	struct camera camera = open_camera(CAMERA);
	uint32_t index, size;
	struct image images[2];

	set_control(&camera, "Test Pattern", "100% Red");
	set_control(&camera, "OSD Text Mode", "None");
	set_format(&camera, width, height, V4L2_PIX_FMT_RGB24, stride);
	ASSERT_EQ(camera.stride[0], stride ? stride : width * 3);
	ASSERT_EQ(camera.size[0], camera.stride[0] * height);
	ask_for_buffers(&camera, 2);
	size = camera.size[0] + 3 * (uint32_t)page_size();
	for (index = 0; index < 2; index++) {
		images[index].dmabuf[0] = create(size);
		images[index].data[0] = map_data(images[index].dmabuf[0], size);
		memset(images[index].data[0], FILL, size);
		ASSERT_EQ(queue_one(&camera, index, images[index].dmabuf[0], 0), 0);
	}
	start_stream(&camera);
	index = take_shot(&camera).index;
	set_control(&camera, "Test Pattern", "75% Colorbar");
	set_control(&camera, "OSD Text Mode", "All");
	check_red(&camera, images[index].data[0], size);
	camera.size[0] = size;
	close_images(&camera, images);
	close(camera.fd);
	buffers_are(0);
}

TEST(every_pixel_is_in_its_place)
{
	paint_red(640, 360, 0);
}

TEST(rows_keep_their_stride)
{
	paint_red(320, 180, 320 * 3 + 77);
	paint_red(640, 480, 4096);
}

/*
 * Refused
 */

/*
 * Who says that it is larger than it is gets EFAULT. That is not tried here,
 * because Linux 6.12 (videobuf2) then keeps the dma-buf for ever.
 */
TEST(a_buffer_that_is_too_small)
{
	struct camera camera = open_camera(CAMERA);
	uint32_t page = (uint32_t)page_size();
	int small, enough;

	set_format(&camera, 640, 480, V4L2_PIX_FMT_YUYV, 0);
	ASSERT_EQ(camera.size[0] % page, 0);
	ask_for_buffers(&camera, 2);
	small = create(camera.size[0] - page);
	enough = create(camera.size[0]);
	ASSERT_ERRNO(queue_one(&camera, 0, small, 0), EINVAL);
	ASSERT_ERRNO(queue_one(&camera, 0, small, camera.size[0] - page), EINVAL);
	ASSERT_EQ(queue_one(&camera, 0, enough, 0), 0);
	close(small);
	close(enough);
	close(camera.fd);
	buffers_are(0);
}

TEST(a_plane_that_is_too_small)
{
	struct camera camera = open_camera(CAMERA_OF_PLANES);
	int dmabufs[2];

	set_format(&camera, 640, 480, V4L2_PIX_FMT_NV12M, 0);
	ASSERT_EQ(camera.planes, 2);
	ask_for_buffers(&camera, 2);
	dmabufs[0] = create(camera.size[0]);
	dmabufs[1] = create(camera.size[1] / 2);
	ASSERT_ERRNO(queue(&camera, 0, dmabufs, 0), EINVAL);
	close(dmabufs[1]);
	dmabufs[1] = -1;
	ASSERT_ERRNO(queue(&camera, 0, dmabufs, 0), EINVAL);
	close(dmabufs[0]);
	buffers_are(0);
}

/*
 * Of a view by the camera that maps for a device. The other two would vmap it,
 * which is refused too, but the core of Linux warns of that in its log.
 */
TEST(a_view)
{
	struct camera camera = open_camera(CAMERA_WITH_DMA);
	struct dmashm_info info = { .dmabuf_fd = -1 };
	int dmabuf, view, member;

	set_format(&camera, 320, 180, V4L2_PIX_FMT_YUYV, 0);
	ask_for_buffers(&camera, 2);
	dmabuf = create_with(camera.size[0], DMASHM_CREATE_CONTIGUOUS);
	member = join(dmabuf);
	view = export_view(dmabuf);
	ASSERT_ERRNO(queue_one(&camera, 0, view, 0), EINVAL);
	ASSERT_EQ(ioctl(member, DMASHM_IOC_INFO, &info), 0);
	ASSERT_EQ(info.attachments, 0);
	ASSERT_EQ(queue_one(&camera, 0, dmabuf, 0), 0);
	ASSERT_EQ(ioctl(member, DMASHM_IOC_INFO, &info), 0);
	ASSERT_EQ(info.attachments, 1);
}

/* A device that takes one address gets a buffer in one piece, or none. */
TEST(memory_in_pieces)
{
	struct camera camera = open_camera(CAMERA_WITH_DMA);
	int pieces, whole, keep;

	set_format(&camera, 640, 480, V4L2_PIX_FMT_YUYV, 0);
	ask_for_buffers(&camera, 2);
	whole = create_with(camera.size[0], DMASHM_CREATE_CONTIGUOUS);
	keep = fragment_memory();
	pieces = create(camera.size[0]);
	close(keep);
	ASSERT_ERRNO(queue_one(&camera, 0, pieces, 0), EFAULT);
	ASSERT_EQ(queue_one(&camera, 0, whole, 0), 0);
}

/*
 * Used together
 */

/* Events of a buffer: how many frames came, what the last one is, how many were read. */
enum { CAME, HASH, READ };

static void await_event(struct dmashm_buffer *buf, unsigned int n, uint32_t value)
{
	uint32_t found;

	while ((found = load(dmashm_event(buf, n))) != value)
		ASSERT_EQ(dmashm_wait(buf, n, found, dmashm_deadline(20 * SECOND)), 0);
}

static void set_event(struct dmashm_buffer *buf, unsigned int n, uint32_t value)
{
	store(dmashm_event(buf, n), value);
	ASSERT(dmashm_wake(buf, n, UINT32_MAX) >= 0);
}

static uint32_t hash_buffer(struct dmashm_buffer *buf, size_t size)
{
	uint8_t *data = map_buffer(buf);
	uint32_t h = (uint32_t)hash(data, size);

	ASSERT_EQ(dmashm_unmap(buf, data), 0);
	return h;
}

static void read_frames(struct dmashm_buffer **buf, size_t size, uint32_t frames)
{
	uint32_t i;

	for (i = 0; i < frames; i++) {
		struct dmashm_buffer *b = buf[i % 2];

		await_event(b, CAME, i + 1);
		ASSERT_EQ(dmashm_begin(b, DMASHM_READ, dmashm_deadline(20 * SECOND)), 0);
		ASSERT_EQ(hash_buffer(b, size), load(dmashm_event(b, HASH)));
		ASSERT_EQ(dmashm_end(b, DMASHM_READ), 0);
		set_event(b, READ, i + 1);
	}
}

/*
 * The camera takes part in no barrier: whoever queues a buffer has it in the
 * camera's place, until the frame is there. Meanwhile nobody else gets in. Not in
 * a bracket: it is not the CPU that writes.
 */
static void give_to_camera(struct camera *camera, uint32_t index, struct dmashm_buffer *buf)
{
	ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(20 * SECOND)), 0);
	ASSERT_EQ(queue_one(camera, index, dmashm_fd(buf), 0), 0);
}

static void hand_on_frames(enum camera_kind kind, unsigned int flags)
{
	enum { FRAMES = 8 };
	struct camera camera = open_camera(kind);
	struct dmashm_buffer *buf[2];
	pid_t reader;
	uint32_t i;

	set_format(&camera, 640, 360, V4L2_PIX_FMT_YUYV, 0);
	ask_for_buffers(&camera, 2);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(dmashm_create(camera.size[0], "frame", flags, &buf[i]), 0);
	reader = start_child();
	if (!reader) {
		close(camera.fd);
		read_frames(buf, camera.size[0], FRAMES);
		_exit(0);
	}
	for (i = 0; i < 2; i++)
		give_to_camera(&camera, i, buf[i]);
	start_stream(&camera);
	for (i = 0; i < FRAMES; i++) {
		struct dmashm_buffer *b = buf[i % 2];

		ASSERT_EQ(take_shot(&camera).index, i % 2);
		ASSERT_EQ(dmashm_unlock(b), 0);
		ASSERT_EQ(dmashm_begin(b, DMASHM_READ, dmashm_deadline(20 * SECOND)), 0);
		store(dmashm_event(b, HASH), hash_buffer(b, camera.size[0]));
		ASSERT_EQ(dmashm_end(b, DMASHM_READ), 0);
		set_event(b, CAME, i + 1);
		await_event(b, READ, i + 1);
		give_to_camera(&camera, i % 2, b);
	}
	wait_child(reader);
	for (i = 0; i < 2; i++)
		dmashm_close(buf[i]);
	close(camera.fd);
	buffers_are(0);
}

TEST(another_process_reads_the_frames)
{
	hand_on_frames(CAMERA, 0);
}

TEST(another_process_reads_what_a_device_wrote)
{
	hand_on_frames(CAMERA_WITH_DMA, DMASHM_CONTIGUOUS);
}

/*
 * Leaving
 */

static struct camera stream_into(enum camera_kind kind, struct image *images)
{
	struct camera camera = open_camera(kind);

	set_format(&camera, 320, 180, V4L2_PIX_FMT_YUYV, 0);
	new_images(&camera, images, DMASHM_CREATE_CONTIGUOUS);
	start_stream(&camera);
	take_shot(&camera);
	return camera;
}

/* The camera has buffers that nobody else has any more, and lets go of them. */
TEST(a_stream_that_is_stopped_lets_go)
{
	struct image images[CAMERA_BUFFERS];
	enum camera_kind kind;

	for (kind = 0; kind < CAMERAS; kind++) {
		struct camera camera;

		if (kind == CAMERA_OF_PLANES)
			continue;
		camera = stream_into(kind, images);
		close_images(&camera, images);
		buffers_are(CAMERA_BUFFERS);
		stop_stream(&camera);
		/* Stopped is not given back: that is for REQBUFS to do. */
		buffers_are(CAMERA_BUFFERS);
		ask_for_buffers(&camera, 0);
		buffers_are(0);
		close(camera.fd);
	}
}

TEST(a_camera_that_is_closed_lets_go)
{
	struct image images[CAMERA_BUFFERS];
	struct camera camera = stream_into(CAMERA, images);

	close_images(&camera, images);
	close(camera.fd);
	buffers_are(0);
	camera = stream_into(CAMERA_WITH_DMA, images);
	close(camera.fd);
	close_images(&camera, images);
	buffers_are(0);
}

TEST(a_process_that_dies_leaves_nothing)
{
	struct image images[CAMERA_BUFFERS];
	int ends[2], i;
	char byte;

	for (i = 0; i < 6; i++) {
		pid_t pid;

		ASSERT_EQ(pipe(ends), 0);
		pid = start_child();
		if (!pid) {
			stream_into(i % 2 ? CAMERA : CAMERA_WITH_DMA, images);
			ASSERT_EQ(write(ends[1], "x", 1), 1);
			pause();
		}
		ASSERT_EQ(read(ends[0], &byte, 1), 1);
		kill_child(pid);
		buffers_are(0);
		close(ends[0]);
		close(ends[1]);
	}
}
