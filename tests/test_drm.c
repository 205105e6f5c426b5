// SPDX-License-Identifier: MIT
/* DRM devices that import buffers, and a display that shows one. */
#include "display.h"
#include "remains.h"
#include "vgem.h"

static uint32_t attachments(int member)
{
	struct dmashm_info info = { .dmabuf_fd = -1 };
	const struct dmashm_facts *facts = map_facts(member);
	uint32_t count = load(&facts->attachments);

	munmap((void *)(uintptr_t)facts, page_size());
	ASSERT_EQ(ioctl(member, DMASHM_IOC_INFO, &info), 0);
	ASSERT_EQ(info.attachments, count);
	return count;
}

/* A file's last close may be done a moment after close() returned. */
static void await_attachments(int member, uint32_t expected)
{
	uint64_t late = in_ms(10000);

	while (attachments(member) != expected) {
		if (now_ns() > late)
			FAIL("%u attachments, not %u", attachments(member), expected);
		sleep_ms(1);
	}
}

/* Bytes of which none is like its neighbours; another seed, other bytes. */
static void paint(uint8_t *data, size_t size, uint32_t seed)
{
	uint32_t x = seed * 2654435761u + 1;
	size_t i;

	for (i = 0; i < size; i++) {
		x = x * 1664525u + 1013904223u;
		data[i] = (uint8_t)(x >> 24);
	}
}

/*
 * Importing
 */

TEST(an_importer_counts_as_attached)
{
	int fd = create(4 * MIB), member = join(fd), vgem = open_vgem();
	uint32_t handle;

	ASSERT_EQ(attachments(member), 0);
	handle = import_dmabuf(vgem, fd);
	ASSERT_EQ(attachments(member), 1);
	/* The same again is the same handle. */
	ASSERT_EQ(import_dmabuf(vgem, fd), handle);
	ASSERT_EQ(attachments(member), 1);
	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW), 0);
	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW), 0);
	ASSERT_EQ(drmCloseBufferHandle(vgem, handle), 0);
	ASSERT_EQ(attachments(member), 0);
}

/* Two devices, many users of each, and several dma-bufs: all are counted. */
TEST(many_importers_at_once)
{
	enum { USERS = 24 };
	int fd = create(MIB), other = export_dmabuf(fd, O_RDWR), member = join(fd);
	int drm[USERS], last = open_vgem(), back;
	uint32_t i, handle;
	uint8_t *data = map_data(fd, MIB), *seen;

	for (i = 0; i < USERS; i++) {
		drm[i] = i % 3 ? open_vgem() : open_cirrus();
		import_dmabuf(drm[i], i % 2 ? fd : other);
		ASSERT_EQ(attachments(member), i + 1);
	}
	/* Another dma-buf is another object to DRM, of the same data. */
	ASSERT(import_dmabuf(last, fd) != import_dmabuf(last, other));
	ASSERT_EQ(attachments(member), USERS + 2);
	paint(data, MIB, 1);
	for (i = 0; i < USERS; i++) {
		handle = import_dmabuf(drm[i], i % 2 ? fd : other);
		ASSERT_EQ(drmPrimeHandleToFD(drm[i], handle, DRM_CLOEXEC | DRM_RDWR, &back), 0);
		seen = map_data(back, MIB);
		ASSERT_EQ(memcmp(seen, data, MIB), 0);
		munmap(seen, MIB);
		close(back);
	}
	for (i = 0; i < USERS; i++) {
		close(drm[i]);
		await_attachments(member, USERS + 1 - i);
	}
	close(last);
	await_attachments(member, 0);
}

/* The buffer, its device and its data survive the exporting process's fds. */
TEST(an_importer_keeps_the_buffer)
{
	int fd = create(MIB), vgem = open_vgem(), back = -1;
	uint8_t *data = map_data(fd, MIB);
	uint32_t handle;

	data[MIB - 1] = 42;
	handle = import_dmabuf(vgem, fd);
	munmap(data, MIB);
	close(fd);
	ASSERT_EQ(drmPrimeHandleToFD(vgem, handle, DRM_CLOEXEC | DRM_RDWR, &back), 0);
	data = map_data(back, MIB);
	ASSERT_EQ(data[MIB - 1], 42);
	ASSERT(join(back) >= 0);
}

/* What DRM gives back for a handle is the dma-buf that it was given. */
TEST(a_handle_goes_back_to_the_same_dmabuf)
{
	int fd = create(MIB), vgem = open_vgem(), back = -1;
	uint32_t handle = import_dmabuf(vgem, fd);
	struct stat given, got;

	ASSERT_EQ(drmPrimeHandleToFD(vgem, handle, DRM_CLOEXEC | DRM_RDWR, &back), 0);
	ASSERT_EQ(fstat(fd, &given), 0);
	ASSERT_EQ(fstat(back, &got), 0);
	ASSERT_EQ(got.st_ino, given.st_ino);
	ASSERT_EQ(lseek(back, 0, SEEK_END), MIB);
}

/* DRM maps no imported object for the CPU: that is for the dma-buf to do. */
TEST(a_handle_is_not_mapped_through_the_device)
{
	int fd = create(MIB), drm[2] = { open_vgem(), open_cirrus() }, i;

	for (i = 0; i < 2; i++) {
		struct drm_mode_map_dumb map = { .handle = import_dmabuf(drm[i], fd) };

		ASSERT_ERRNO(drmIoctl(drm[i], DRM_IOCTL_MODE_MAP_DUMB, &map), EINVAL);
	}
}

/* DRM maps for both directions: at the import, or later where that is lazy. */
static void is_refused(int drm, int dmabuf, int error)
{
	int member = join(dmabuf);
	uint32_t handle;

	ASSERT_ERRNO(drmPrimeFDToHandle(drm, dmabuf, &handle), error);
	ASSERT_EQ(attachments(member), 0);
	close(member);
}

TEST(a_view_is_refused)
{
	int fd = create(MIB), view = export_view(fd);

	is_refused(open_vgem(), view, EACCES);
	is_refused(open_cirrus(), view, EACCES);
	import_dmabuf(open_vgem(), fd);
}

TEST(sealed_data_is_refused)
{
	struct dmashm_seal seal = { 0 };
	int fd = create(MIB), member = join(fd);

	ASSERT_EQ(ioctl(member, DMASHM_IOC_SEAL, &seal), 0);
	is_refused(open_vgem(), fd, EPERM);
	is_refused(open_cirrus(), fd, EPERM);
}

/*
 * A framebuffer needs all its rows in the buffer, the last one without what
 * may lie between two.
 */
TEST(a_framebuffer_must_fit)
{
	struct picture p = picture(640, 480, DRM_FORMAT_XRGB8888);
	size_t page = page_size(), size = picture_size(&p);
	int drm = open_cirrus(), fits = create(size), small = create(size - page);
	uint32_t handle = import_dmabuf(drm, fits), fb;

	ASSERT_EQ(size % page, 0);
	ASSERT_EQ(drmModeRmFB(drm, new_fb(drm, handle, &p)), 0);
	p.offset = 4;
	ASSERT_ERRNO(add_fb(drm, handle, &p, &fb), EINVAL);
	p.offset = 0;
	p.pitch += 4;
	ASSERT_ERRNO(add_fb(drm, handle, &p, &fb), EINVAL);
	p.pitch -= 4;
	p.height++;
	ASSERT_ERRNO(add_fb(drm, handle, &p, &fb), EINVAL);
	p.height--;
	handle = import_dmabuf(drm, small);
	ASSERT_ERRNO(add_fb(drm, handle, &p, &fb), EINVAL);
	p.height = (uint32_t)((size - page) / p.pitch);
	ASSERT_EQ(drmModeRmFB(drm, new_fb(drm, handle, &p)), 0);
	ASSERT_ERRNO(add_fb(drm, 77, &p, &fb), ENOENT);
}

/*
 * Showing: what the card has in its memory is what was written to the buffer
 */

struct screen {
	struct display display;
	struct picture p;
	int fd, member;
	uint32_t handle, fb;
	uint8_t *data;
};

static struct screen new_screen(uint32_t width, uint32_t height, uint32_t format,
				unsigned int pictures)
{
	struct screen s = {
		.display = open_display(), .p = picture(width, height, format),
	};
	size_t size = picture_size(&s.p) * pictures;

	if (!s.display.vram)
		SKIP("this kernel does not let the display's memory be seen (iomem=relaxed)");
	s.fd = create(size);
	s.member = join(s.fd);
	s.data = map_data(s.fd, size);
	s.handle = import_dmabuf(s.display.fd, s.fd);
	s.fb = new_fb(s.display.fd, s.handle, &s.p);
	return s;
}

/* As the CPU writes where a device is attached: in a bracket. */
static void repaint(struct screen *s, const struct picture *p, uint32_t seed)
{
	ASSERT_EQ(try_lock(s->member), 0);
	ASSERT_EQ(sync_data(s->fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW), 0);
	paint(s->data + p->offset, picture_size(p), seed);
	ASSERT_EQ(sync_data(s->fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW), 0);
	ASSERT_EQ(unlock(s->member), 0);
}

static void is_shown(const struct screen *s, const struct picture *p)
{
	long at = shown_wrongly(&s->display, p, s->data);

	if (at >= 0)
		FAIL("byte %ld of the display's memory is not the picture's", at);
}

static void show(uint32_t width, uint32_t height, uint32_t format)
{
	struct screen s = new_screen(width, height, format, 1);

	repaint(&s, &s.p, 3);
	show_fb(&s.display, s.fb, &s.p);
	is_shown(&s, &s.p);
}

TEST(shown_as_32_bits)
{
	show(800, 600, DRM_FORMAT_XRGB8888);
}

TEST(shown_as_24_bits)
{
	show(640, 480, DRM_FORMAT_RGB888);
}

TEST(shown_as_16_bits)
{
	show(1024, 768, DRM_FORMAT_RGB565);
}

/* The card cannot do so many bytes in a row, so its driver leaves out the X. */
TEST(shown_converted)
{
	show(1024, 768, DRM_FORMAT_XRGB8888);
}

/* A picture changes where the driver is told so, and not elsewhere. */
TEST(what_is_dirty_is_shown_again)
{
	struct screen s = new_screen(800, 600, DRM_FORMAT_XRGB8888, 1);
	drmModeClip rows = { .x1 = 0, .x2 = 800, .y1 = 100, .y2 = 200 };
	const size_t first = 100 * 3200, end = 200 * 3200;

	repaint(&s, &s.p, 4);
	show_fb(&s.display, s.fb, &s.p);
	is_shown(&s, &s.p);
	repaint(&s, &s.p, 5);
	ASSERT_EQ(drmModeDirtyFB(s.display.fd, s.fb, &rows, 1), 0);
	ASSERT_EQ(memcmp((const void *)(uintptr_t)&s.display.vram[first],
			 s.data + first, end - first), 0);
	ASSERT(memcmp((const void *)(uintptr_t)s.display.vram, s.data, 3200));
	ASSERT(memcmp((const void *)(uintptr_t)&s.display.vram[end], s.data + end, 3200));
	ASSERT_EQ(drmModeDirtyFB(s.display.fd, s.fb, NULL, 0), 0);
	is_shown(&s, &s.p);
}

/* Two pictures in one buffer: what queues of frames are for. */
TEST(flips_between_pictures_of_one_buffer)
{
	struct screen s = new_screen(640, 480, DRM_FORMAT_XRGB8888, 2);
	struct picture p[2] = { s.p, s.p };
	uint32_t fb[2] = { s.fb }, i;

	p[1].offset = (uint32_t)picture_size(&p[0]);
	fb[1] = new_fb(s.display.fd, s.handle, &p[1]);
	ASSERT_EQ(attachments(s.member), 1);
	repaint(&s, &p[0], 6);
	show_fb(&s.display, fb[0], &p[0]);
	for (i = 1; i < 10; i++) {
		repaint(&s, &p[i % 2], 6 + i);
		is_shown(&s, &p[(i + 1) % 2]);
		ASSERT_EQ(drmModePageFlip(s.display.fd, s.display.crtc, fb[i % 2],
					  DRM_MODE_PAGE_FLIP_EVENT, NULL), 0);
		ASSERT(flipped(&s.display, 5000));
		is_shown(&s, &p[i % 2]);
	}
}

/*
 * One device writes and another shows: the display waits for the first one's
 * fence by itself, because both find it in the buffer, whatever dma-buf they
 * have imported. The process that asks for the flip does not wait.
 */
TEST(the_display_waits_for_the_device_that_writes)
{
	struct screen s = new_screen(640, 480, DRM_FORMAT_XRGB8888, 2);
	struct picture next = s.p;
	int vgem = open_vgem();
	uint32_t fence, fb;

	next.offset = (uint32_t)picture_size(&s.p);
	fb = new_fb(s.display.fd, s.handle, &next);
	repaint(&s, &s.p, 20);
	show_fb(&s.display, s.fb, &s.p);
	fence = attach_fence(vgem, import_dmabuf(vgem, export_dmabuf(s.fd, O_RDWR)),
			     VGEM_FENCE_WRITE);
	ASSERT_EQ(drmModePageFlip(s.display.fd, s.display.crtc, fb,
				  DRM_MODE_PAGE_FLIP_EVENT, NULL), 0);
	ASSERT(!flipped(&s.display, 300));
	is_shown(&s, &s.p);
	paint(s.data + next.offset, picture_size(&next), 21);
	signal_fence(vgem, fence);
	ASSERT(flipped(&s.display, 5000));
	is_shown(&s, &next);
}

/*
 * Leaving
 */

/* While it is shown, the display keeps the buffer. */
TEST(what_is_shown_lives)
{
	struct screen s = new_screen(640, 480, DRM_FORMAT_XRGB8888, 1);
	uint8_t *copy = malloc(picture_size(&s.p));

	ASSERT(copy);
	repaint(&s, &s.p, 30);
	memcpy(copy, s.data, picture_size(&s.p));
	munmap(s.data, picture_size(&s.p));
	s.data = copy;
	close(s.fd);
	close(s.member);
	show_fb(&s.display, s.fb, &s.p);
	ASSERT_EQ(drmCloseBufferHandle(s.display.fd, s.handle), 0);
	ASSERT_EQ(drmModeDirtyFB(s.display.fd, s.fb, NULL, 0), 0);
	is_shown(&s, &s.p);
	buffers_are(1);
	ASSERT_EQ(drmModeRmFB(s.display.fd, s.fb), 0);
	buffers_are(0);
}

/* All that holds a buffer; each may be the last to go. */
enum { DMABUF, MEMBER, MAPPING, FRAMEBUFFER, HANDLE, DEVICE, HOLDS };

struct held {
	int dmabuf, member, drm;
	uint32_t handle, fb;
	uint8_t *data;
};

static struct held hold(const struct picture *p)
{
	struct held held = { .dmabuf = create(picture_size(p)), .drm = open_cirrus() };

	held.member = join(held.dmabuf);
	held.data = map_data(held.dmabuf, picture_size(p));
	held.data[0] = 1;
	held.handle = import_dmabuf(held.drm, held.dmabuf);
	held.fb = new_fb(held.drm, held.handle, p);
	return held;
}

/* What the device has is gone with it. */
static void let_go(struct held *held, const struct picture *p, int what)
{
	switch (what) {
	case DMABUF:
		ASSERT_EQ(close(held->dmabuf), 0);
		break;
	case MEMBER:
		ASSERT_EQ(close(held->member), 0);
		break;
	case MAPPING:
		ASSERT_EQ(munmap(held->data, picture_size(p)), 0);
		break;
	case FRAMEBUFFER:
		if (held->drm >= 0)
			ASSERT_EQ(drmModeRmFB(held->drm, held->fb), 0);
		break;
	case HANDLE:
		if (held->drm >= 0)
			ASSERT_EQ(drmCloseBufferHandle(held->drm, held->handle), 0);
		break;
	case DEVICE:
		ASSERT_EQ(close(held->drm), 0);
		held->drm = -1;
	}
}

/* The n-th order of all; false where there are no more. */
static bool order_of(int n, int order[HOLDS])
{
	int left[HOLDS], i, k;

	for (i = 0; i < HOLDS; i++)
		left[i] = i;
	for (i = 0; i < HOLDS; i++) {
		k = n % (HOLDS - i);
		n /= HOLDS - i;
		order[i] = left[k];
		memmove(&left[k], &left[k + 1], sizeof(int) * (size_t)(HOLDS - i - k - 1));
	}
	return !n;
}

/* DRM keeps the buffer by a handle or a framebuffer, until the device is closed. */
static bool is_held(const bool gone[HOLDS])
{
	return !gone[DMABUF] || !gone[MEMBER] || !gone[MAPPING] ||
	       (!gone[DEVICE] && (!gone[FRAMEBUFFER] || !gone[HANDLE]));
}

TEST_LIMIT(every_order_of_leaving_leaves_nothing, 240)
{
	struct picture p = picture(320, 200, DRM_FORMAT_XRGB8888);
	int order[HOLDS], every = (int)ktap_every(), n, i;

	buffers_are(0);
	for (n = (int)(now_ns() % (uint64_t)every); order_of(n, order); n += every) {
		struct held held = hold(&p);
		bool gone[HOLDS] = { false };

		for (i = 0; i < HOLDS; i++) {
			let_go(&held, &p, order[i]);
			gone[order[i]] = true;
			buffers_are(is_held(gone));
		}
	}
	ASSERT(n >= 720 && n < 720 + every);
}
