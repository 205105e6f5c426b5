// SPDX-License-Identifier: MIT
/* The dma-buf: sync, and what drivers see of it. */
#include "uapi.h"
#include "vgem.h"

TEST(sync_takes_what_the_kernel_documents)
{
	int fd = create(1);

	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), 0);
	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ), 0);
	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW), 0);
	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW), 0);
	ASSERT_ERRNO(sync_data(fd, DMA_BUF_SYNC_START), EINVAL);
	ASSERT_ERRNO(sync_data(fd, 8), EINVAL);
}

TEST(drivers_see_the_data_through_vmap)
{
	size_t size = 3 * MIB;
	int fd = create(size), tester = open_tester(fd);
	uint64_t *data = (uint64_t *)map_data(fd, size), value;
	size_t offset;

	for (offset = 0; offset < size; offset += 2 * MIB - 8) {
		data[offset / 8] = offset + 100;
		value = offset;
		ASSERT_EQ(ioctl(tester, TESTER_IOC_VMAP, &value), 0);
		ASSERT_EQ(value, offset + 100);
		ASSERT_EQ(data[offset / 8], offset + 101);
	}
	ASSERT_EQ(ioctl(tester, TESTER_IOC_SIZE, &value), 0);
	ASSERT_EQ(value, size);
}

TEST(a_device_is_given_every_page_in_its_order)
{
	static const size_t pages[] = { 1, 17, 300, 511, 513, 1024 + 35 };
	static const uint32_t segments[] = { 0, 4096, 3 * 4096, 64 << 10, 1 << 20 };
	size_t n, i, k;

	for (n = 0; n < sizeof(pages) / sizeof(pages[0]); n++) {
		int fd = create(pages[n] * 4096), tester = open_tester(fd);
		uint8_t *data = map_data(fd, pages[n] * 4096);

		for (i = 0; i < pages[n]; i++)
			memcpy(data + i * 4096, &(uint64_t){ i }, 8);
		for (k = 0; k < sizeof(segments) / sizeof(segments[0]); k++) {
			struct tester_table table = { .max_segment = segments[k] };

			ASSERT_EQ(ioctl(tester, TESTER_IOC_TABLE, &table), 0);
			ASSERT(table.entries > 0 && table.entries <= pages[n]);
			if (segments[k] == 4096)
				ASSERT_EQ(table.entries, pages[n]);
		}
		munmap(data, pages[n] * 4096);
		close(tester);
		close(fd);
	}
}

TEST(drivers_are_told_of_foreign_dmabufs)
{
	struct tester_open arg = { .dmabuf_fd = 0 };
	int tester, vgem, foreign;
	struct drm_mode_create_dumb dumb = { .width = 64, .height = 64, .bpp = 32 };
	int device = open_device();
	struct dmashm_join join_arg = { .fd = -1 };

	close(open_tester(create(1)));	/* loads it */
	tester = open(TESTER_DEVICE, O_RDWR);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_OPEN, &arg), EINVAL);
	vgem = open_vgem();
	ASSERT_EQ(drmIoctl(vgem, DRM_IOCTL_MODE_CREATE_DUMB, &dumb), 0);
	ASSERT_EQ(drmPrimeHandleToFD(vgem, dumb.handle, DRM_CLOEXEC, &foreign), 0);
	arg.dmabuf_fd = foreign;
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_OPEN, &arg), EINVAL);
	join_arg.dmabuf_fd = foreign;
	ASSERT_ERRNO(ioctl(device, DMASHM_IOC_JOIN, &join_arg), EINVAL);
}
