// SPDX-License-Identifier: MIT
/*
 * A device that does DMA: what it wrote is there after START, what the CPU wrote
 * gets there with END. Without them it does where the mapping is plain, and must
 * not where it is bounced: else the tests would show nothing. tests/vm/check
 * runs this in a guest of either kind.
 */
#include "edu.h"
#include "library.h"
#include "memory.h"

#define SIZE	(256 << 10)
#define AT	(5 * 4096 + 1016)	/* somewhere in it, across nothing */

TEST(the_mapping_is_what_the_kernel_was_told)
{
	struct edu_map map = { .direction = EDU_BIDIRECTIONAL };
	int edu = attach_edu(create(SIZE));

	ASSERT_EQ(ioctl(edu, EDU_IOC_MAP, &map), 0);
	ASSERT(map.segments >= 1);
	ASSERT_EQ(map.bounced, bounced() ? map.segments : 0);
}

TEST(the_driver_refuses_what_its_header_says)
{
	int edu = open_edu(), fd = create(SIZE), foreign = open_device();
	uint64_t word = 0;

	ASSERT_ERRNO(map_edu(edu, EDU_BIDIRECTIONAL, 0), EBADFD);
	ASSERT_ERRNO(unmap_edu(edu), EBADFD);
	ASSERT_ERRNO(pread(edu, &word, 8, 0), EBADFD);
	ASSERT_ERRNO(ioctl(edu, EDU_IOC_ATTACH, &foreign), EINVAL);
	ASSERT_EQ(ioctl(edu, EDU_IOC_ATTACH, &fd), 0);
	ASSERT_ERRNO(ioctl(edu, EDU_IOC_ATTACH, &fd), EBUSY);
	ASSERT_ERRNO(map_edu(edu, 3, 0), EINVAL);
	ASSERT_ERRNO(map_edu(edu, EDU_BIDIRECTIONAL, 4), EINVAL);
	ASSERT_ERRNO(unmap_edu(edu), EINVAL);
	ASSERT_ERRNO(pread(edu, &word, 8, 0), EBADFD);
	ASSERT_EQ(map_edu(edu, EDU_TO_DEVICE, 0), 0);
	ASSERT_ERRNO(map_edu(edu, EDU_TO_DEVICE, 0), EBUSY);
	ASSERT_ERRNO(pwrite(edu, &word, 8, 0), EACCES);
	ASSERT_ERRNO(pread(edu, &word, 8, SIZE - 7), EINVAL);
	ASSERT_ERRNO(pread(edu, reserve(4096, 0), 8, 0), EFAULT);
	ASSERT_EQ(unmap_edu(edu), 0);
	ASSERT_EQ(map_edu(edu, EDU_FROM_DEVICE, EDU_MAP_BY_CPU), 0);
	ASSERT_ERRNO(pread(edu, &word, 8, 0), EACCES);
	ASSERT_EQ(ioctl(edu, EDU_IOC_DETACH), 0);
	ASSERT_ERRNO(pwrite(edu, &word, 8, 0), EBADFD);
	ASSERT_ERRNO(ioctl(edu, EDU_IOC_DETACH), EBADFD);
}

/* What other tests do by the CPU is what the engine does. */
TEST(the_engine_and_the_short_way_are_the_same)
{
	int fd = create(SIZE), edu = engine(fd, EDU_BIDIRECTIONAL);
	uint8_t *data = map_data(fd, SIZE), page[4096], seen[4096];
	struct edu_map map = { .flags = EDU_MAP_BY_CPU };
	size_t i;

	for (i = 0; i < sizeof(page); i++)
		page[i] = (uint8_t)(i * 11 + i / 256);
	ASSERT_EQ(pwrite(edu, page, sizeof(page), AT), sizeof(page));
	ASSERT_EQ(pread(edu, seen, sizeof(seen), AT), sizeof(seen));
	ASSERT_EQ(memcmp(page, seen, sizeof(page)), 0);
	ASSERT_EQ(unmap_edu(edu), 0);
	ASSERT_EQ(memcmp(data + AT, page, sizeof(page)), 0);

	memset(seen, 0, sizeof(seen));
	ASSERT_EQ(ioctl(edu, EDU_IOC_MAP, &map), 0);
	ASSERT_EQ(pread(edu, seen, sizeof(seen), AT), sizeof(seen));
	ASSERT_EQ(memcmp(page, seen, sizeof(page)), 0);
	device_writes(edu, AT, 1);
	ASSERT_EQ(cpu_reads(data, AT), without(*(uint64_t *)page, 1));
	ASSERT_EQ(unmap_edu(edu), 0);
	ASSERT_EQ(cpu_reads(data, AT), 1);
}

/*
 * Both directions, by the engine
 */

/* Through one dma-buf the device is attached, through another the CPU syncs. */
static void device_then_cpu(int attached, int synced)
{
	int edu = engine(attached, EDU_BIDIRECTIONAL);
	uint8_t *data = map_data(synced, SIZE);

	write_bracket(synced, data, AT, 6);
	device_writes(edu, AT, 7);
	ASSERT_EQ(cpu_reads(data, AT), without(6, 7));
	start(synced, DMA_BUF_SYNC_READ);
	ASSERT_EQ(cpu_reads(data, AT), 7);
	end(synced, DMA_BUF_SYNC_READ);
	ASSERT_EQ(cpu_reads(data, AT), 7);
	close(edu);
}

static void cpu_then_device(int attached, int synced)
{
	int edu = engine(attached, EDU_BIDIRECTIONAL);
	uint8_t *data = map_data(synced, SIZE);

	write_bracket(synced, data, AT, 6);
	start(synced, DMA_BUF_SYNC_RW);
	cpu_writes(data, AT, 8);
	ASSERT_EQ(device_reads(edu, AT), without(6, 8));
	end(synced, DMA_BUF_SYNC_RW);
	ASSERT_EQ(device_reads(edu, AT), 8);
	close(edu);
}

TEST(what_the_device_wrote_is_there_after_start)
{
	int fd = create(SIZE);

	device_then_cpu(fd, fd);
}

TEST(what_the_cpu_wrote_is_there_after_end)
{
	int fd = create(SIZE);

	cpu_then_device(fd, fd);
}

TEST(a_sync_serves_the_devices_of_all_dmabufs)
{
	int fd = create(SIZE), other = export_dmabuf(fd, O_RDWR);

	ASSERT(other >= 0);
	device_then_cpu(other, fd);
	cpu_then_device(other, fd);
	device_then_cpu(fd, other);
	cpu_then_device(fd, other);
}

TEST(a_write_without_end_is_lost)
{
	int fd = create(SIZE), edu = engine(fd, EDU_BIDIRECTIONAL);
	uint8_t *data = map_data(fd, SIZE);

	start(fd, DMA_BUF_SYNC_RW);
	cpu_writes(data, AT, 8);
	ASSERT_EQ(read_bracket(fd, data, AT), without(0, 8));
	ASSERT_EQ(device_reads(edu, AT), without(0, 8));
}

/*
 * All that follows takes the short way.
 */

/* The direction says what the CPU does: who only reads hands nothing over. */
TEST(a_sync_to_read_hands_nothing_over)
{
	int fd = create(SIZE), edu = device(fd, EDU_BIDIRECTIONAL);
	uint8_t *data = map_data(fd, SIZE);

	start(fd, DMA_BUF_SYNC_READ);
	cpu_writes(data, AT, 1);
	end(fd, DMA_BUF_SYNC_READ);
	ASSERT_EQ(device_reads(edu, AT), without(0, 1));
	end(fd, DMA_BUF_SYNC_WRITE);
	ASSERT_EQ(device_reads(edu, AT), 1);
}

/* Who only writes need not write all: the rest must not go back as it was. */
TEST(a_sync_to_write_fetches_too)
{
	int fd = create(SIZE), edu = device(fd, EDU_BIDIRECTIONAL);
	uint8_t *data = map_data(fd, SIZE);

	device_writes(edu, AT, 2);
	start(fd, DMA_BUF_SYNC_WRITE);
	ASSERT_EQ(cpu_reads(data, AT), 2);
	cpu_writes(data, AT + 8, 3);
	end(fd, DMA_BUF_SYNC_WRITE);
	ASSERT_EQ(device_reads(edu, AT), 2);
	ASSERT_EQ(device_reads(edu, AT + 8), 3);
}

TEST(mapping_and_unmapping_hand_all_over)
{
	static const uint32_t directions[] = { EDU_BIDIRECTIONAL, EDU_FROM_DEVICE };
	int fd = create(SIZE), edu = attach_edu(fd), i;
	uint8_t *data = map_data(fd, SIZE);

	for (i = 0; i < 2; i++) {
		cpu_writes(data, 0, i + 10);
		cpu_writes(data, SIZE - 8, i + 20);
		ASSERT_EQ(map_edu(edu, directions[i], EDU_MAP_BY_CPU), 0);
		device_writes(edu, AT, i + 30);
		ASSERT_EQ(unmap_edu(edu), 0);
		/* What the device did not write is as it was. */
		ASSERT_EQ(cpu_reads(data, 0), i + 10);
		ASSERT_EQ(cpu_reads(data, SIZE - 8), i + 20);
		ASSERT_EQ(cpu_reads(data, AT), i + 30);
	}
	ASSERT_EQ(map_edu(edu, EDU_TO_DEVICE, EDU_MAP_BY_CPU), 0);
	ASSERT_EQ(device_reads(edu, AT), i + 29);
	ASSERT_EQ(device_reads(edu, SIZE - 8), i + 19);
}

TEST(closing_the_device_hands_back_what_it_wrote)
{
	int fd = create(SIZE), edu = device(fd, EDU_BIDIRECTIONAL);
	const struct dmashm_facts *facts = map_facts(join(fd));
	uint8_t *data = map_data(fd, SIZE);

	ASSERT_EQ(load(&facts->attachments), 1);
	device_writes(edu, AT, 9);
	close(edu);
	ASSERT_EQ(cpu_reads(data, AT), 9);
	ASSERT_EQ(load(&facts->attachments), 0);
}

TEST(a_device_that_only_reads)
{
	int fd = create(SIZE), edu = device(fd, EDU_TO_DEVICE);
	uint8_t *data = map_data(fd, SIZE);

	cpu_writes(data, AT, 1);
	ASSERT_EQ(device_reads(edu, AT), without(0, 1));
	/* It has nothing to give back: a START fetches nothing. */
	start(fd, DMA_BUF_SYNC_RW);
	ASSERT_EQ(cpu_reads(data, AT), 1);
	end(fd, DMA_BUF_SYNC_RW);
	ASSERT_EQ(device_reads(edu, AT), 1);
	cpu_writes(data, AT, 2);
	ASSERT_EQ(unmap_edu(edu), 0);
	ASSERT_EQ(cpu_reads(data, AT), 2);
}

TEST(a_device_that_only_writes)
{
	int fd = create(SIZE), edu = device(fd, EDU_FROM_DEVICE);
	uint8_t *data = map_data(fd, SIZE);

	device_writes(edu, AT, 3);
	ASSERT_EQ(cpu_reads(data, AT), without(0, 3));
	ASSERT_EQ(read_bracket(fd, data, AT), 3);
	device_writes(edu, AT, 4);
	ASSERT_EQ(read_bracket(fd, data, AT), 4);
}

TEST(a_device_comes_in_the_middle_of_a_write)
{
	int fd = create(SIZE), edu = attach_edu(fd);
	uint8_t *data = map_data(fd, SIZE);

	start(fd, DMA_BUF_SYNC_RW);
	cpu_writes(data, 0, 1);
	ASSERT_EQ(map_edu(edu, EDU_BIDIRECTIONAL, EDU_MAP_BY_CPU), 0);
	cpu_writes(data, AT, 2);
	ASSERT_EQ(device_reads(edu, 0), 1);
	ASSERT_EQ(device_reads(edu, AT), without(0, 2));
	end(fd, DMA_BUF_SYNC_RW);
	ASSERT_EQ(device_reads(edu, AT), 2);
}

/* Two devices, one that writes and one that reads: CPU brackets lie between. */
TEST(from_one_device_to_another)
{
	int fd = create(SIZE), other = export_dmabuf(fd, O_RDWR);
	int camera = device(fd, EDU_FROM_DEVICE);
	int display = device(other, EDU_TO_DEVICE);
	uint8_t *data = map_data(fd, SIZE);
	uint64_t i;

	for (i = 1; i < 20; i++) {
		device_writes(camera, AT, i);
		ASSERT_EQ(device_reads(display, AT), without(i - 1, i));
		start(fd, DMA_BUF_SYNC_RW);
		ASSERT_EQ(cpu_reads(data, AT), i);
		end(other, DMA_BUF_SYNC_RW);
		ASSERT_EQ(device_reads(display, AT), i);
	}
}

TEST(a_device_reads_through_a_view)
{
	int fd = create(SIZE), view = export_view(fd), edu = attach_edu(view);
	uint8_t *data = map_data(fd, SIZE);

	ASSERT_ERRNO(map_edu(edu, EDU_BIDIRECTIONAL, EDU_MAP_BY_CPU), EACCES);
	ASSERT_ERRNO(map_edu(edu, EDU_FROM_DEVICE, EDU_MAP_BY_CPU), EACCES);
	cpu_writes(data, AT, 1);
	ASSERT_EQ(map_edu(edu, EDU_TO_DEVICE, EDU_MAP_BY_CPU), 0);
	ASSERT_EQ(device_reads(edu, AT), 1);
	write_bracket(fd, data, AT, 2);
	ASSERT_EQ(device_reads(edu, AT), 2);
}

/* Who has a view sees what a device wrote, and by START alone. */
TEST(a_view_shows_what_a_device_wrote)
{
	int fd = create(SIZE), view = export_view(fd);
	int edu = device(fd, EDU_BIDIRECTIONAL);
	uint8_t *data = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, view, 0);

	ASSERT(data != MAP_FAILED);
	device_writes(edu, AT, 5);
	ASSERT_EQ(cpu_reads(data, AT), without(0, 5));
	ASSERT_EQ(read_bracket(view, data, AT), 5);
}

/*
 * Those who sync by themselves: the member's read and write, and the library
 */

TEST(read_and_write_on_a_member_see_to_it)
{
	int fd = create(SIZE), member = join(fd);
	int edu = device(fd, EDU_BIDIRECTIONAL);
	uint64_t word;

	device_writes(edu, AT, 6);
	ASSERT_EQ(pread(member, &word, 8, AT), 8);
	ASSERT_EQ(word, 6);
	word = 7;
	ASSERT_EQ(pwrite(member, &word, 8, AT), 8);
	ASSERT_EQ(device_reads(edu, AT), 7);
	/* Beside it, what the device wrote meanwhile is kept. */
	device_writes(edu, 0, 8);
	ASSERT_EQ(pwrite(member, &word, 8, AT), 8);
	ASSERT_EQ(device_reads(edu, 0), 8);
}

TEST(a_read_on_a_viewer_sees_to_it)
{
	int fd = create(SIZE), viewer = join(export_view(fd));
	int edu = device(fd, EDU_BIDIRECTIONAL);
	uint64_t word;

	device_writes(edu, AT, 6);
	ASSERT_EQ(pread(viewer, &word, 8, AT), 8);
	ASSERT_EQ(word, 6);
}

TEST(brackets_of_the_library_see_to_it)
{
	struct dmashm_buffer *buf = new_buffer(SIZE), *view;
	int edu = device(dmashm_fd(buf), EDU_BIDIRECTIONAL);
	uint8_t *data = map_buffer(buf);

	device_writes(edu, AT, 1);
	ASSERT_EQ(cpu_reads(data, AT), without(0, 1));
	ASSERT_EQ(dmashm_begin(buf, DMASHM_READ, DMASHM_NEVER), 0);
	ASSERT_EQ(cpu_reads(data, AT), 1);
	ASSERT_EQ(dmashm_end(buf, DMASHM_READ), 0);
	device_writes(edu, AT, 2);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, DMASHM_NEVER), 0);
	ASSERT_EQ(cpu_reads(data, AT), 2);
	cpu_writes(data, AT, 3);
	ASSERT_EQ(device_reads(edu, AT), without(2, 3));
	ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
	ASSERT_EQ(device_reads(edu, AT), 3);
	device_writes(edu, AT, 4);
	ASSERT_EQ(dmashm_view(buf, &view), 0);
	ASSERT_EQ(dmashm_begin(view, DMASHM_READ, DMASHM_NEVER), 0);
	ASSERT_EQ(cpu_reads(data, AT), 4);
	ASSERT_EQ(dmashm_end(view, DMASHM_READ), 0);
}

/*
 * The barrier's words
 */

/* With the barrier held, and every word an event: no byte of them changes. */
TEST(the_words_are_not_touched)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int fd = dmashm_fd(buf), edu = attach_edu(fd), i;
	uint8_t before[DMASHM_WORDS_SIZE], page[4096];
	uint32_t *words = words_of(buf);

	for (i = 0; i < DMASHM_EVENT_COUNT; i++)
		store(dmashm_event(buf, i), 0xabcd0000u + i);
	memset(page, 0xee, sizeof(page));
	ASSERT_EQ(dmashm_lock(buf), 0);
	memcpy(before, words, sizeof(before));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(map_edu(edu, EDU_BIDIRECTIONAL, EDU_MAP_BY_CPU), 0);
		ASSERT_EQ(pwrite(edu, page, sizeof(page), i * 4096), sizeof(page));
		start(fd, DMA_BUF_SYNC_RW);
		ASSERT_EQ(memcmp(before, words, sizeof(before)), 0);
		end(fd, DMA_BUF_SYNC_RW);
		ASSERT_EQ(memcmp(before, words, sizeof(before)), 0);
		ASSERT_EQ(unmap_edu(edu), 0);
		ASSERT_EQ(memcmp(before, words, sizeof(before)), 0);
	}
	ASSERT_EQ(dmashm_unlock(buf), 0);
}

/* The device has no page but the data's. */
TEST(the_device_is_given_the_data_and_no_more)
{
	struct edu_map map = { .direction = EDU_BIDIRECTIONAL, .flags = EDU_MAP_BY_CPU };
	int fd = create(3 * 4096), edu = attach_edu(fd);
	uint8_t page[3 * 4096];

	ASSERT_EQ(ioctl(edu, EDU_IOC_MAP, &map), 0);
	ASSERT(map.longest <= sizeof(page));
	memset(page, 0xff, sizeof(page));
	ASSERT_EQ(pwrite(edu, page, sizeof(page), 0), sizeof(page));
	ASSERT_ERRNO(pwrite(edu, page, 1, sizeof(page)), EINVAL);
	ASSERT_EQ(unmap_edu(edu), 0);
	ASSERT_EQ(memcmp(map_data(fd, sizeof(page)), page, sizeof(page)), 0);
}

/*
 * Sizes
 */

/* The longest that swiotlb maps in one piece: 128 slots of 2 KiB. */
#define BOUNCE_MAX	(256u << 10)

static void map_limited(int fd, size_t size, uint32_t max_segment)
{
	struct edu_map map = {
		.flags = EDU_MAP_BY_CPU, .max_segment = max_segment,
	};
	uint32_t most = max_segment ? max_segment : UINT32_MAX;
	int edu = attach_edu(fd);

	if (bounced() && most > BOUNCE_MAX)
		most = BOUNCE_MAX;
	ASSERT_EQ(ioctl(edu, EDU_IOC_MAP, &map), 0);
	ASSERT(map.longest <= most);
	ASSERT(map.longest <= size);
	ASSERT(map.segments >= (size + map.longest - 1) / map.longest);
	ASSERT_EQ(map.bounced, bounced() ? map.segments : 0);
	/* Whole folios, where nothing forbids it: the memory is not in pieces. */
	if (size <= 64 << 10 && !max_segment)
		ASSERT(map.segments <= 4);
	device_writes(edu, 0, size + max_segment);
	device_writes(edu, size / 2, size + max_segment + 1);
	device_writes(edu, size - 8, size + max_segment + 2);
	close(edu);
}

TEST(all_sizes_map_in_what_segments_the_device_takes)
{
	static const size_t pages[] = { 1, 2, 3, 16, 63, 64, 65, 512, 513, 1031, 4096 };
	static const uint32_t segments[] = { 0, 4096, 12 << 10, 64 << 10, 256 << 10, 1 << 20 };
	size_t n, i;

	for (n = 0; n < sizeof(pages) / sizeof(pages[0]); n++) {
		size_t size = pages[n] * 4096;
		int fd = create(size);
		uint8_t *data = map_data(fd, size);

		for (i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
			map_limited(fd, size, segments[i]);
			ASSERT_EQ(cpu_reads(data, 0), size + segments[i]);
			ASSERT_EQ(cpu_reads(data, size / 2), size + segments[i] + 1);
			ASSERT_EQ(cpu_reads(data, size - 8), size + segments[i] + 2);
		}
		munmap(data, size);
		close(fd);
	}
}

/* Every page is where it belongs, by the engine's own eyes in some of them. */
TEST(each_page_of_16_mib_is_in_its_place)
{
	size_t size = 16 * MIB, i;
	int fd = create(size), edu = device(fd, EDU_BIDIRECTIONAL), slow;
	uint8_t *data = map_data(fd, size);

	for (i = 0; i < size; i += 4096)
		device_writes(edu, i + 8, i * 3 + 1);
	start(fd, DMA_BUF_SYNC_RW);
	for (i = 0; i < size; i += 4096) {
		ASSERT_EQ(cpu_reads(data, i + 8), i * 3 + 1);
		cpu_writes(data, i + 16, i * 5 + 1);
	}
	end(fd, DMA_BUF_SYNC_RW);
	for (i = 0; i < size; i += 4096)
		ASSERT_EQ(device_reads(edu, i + 16), i * 5 + 1);
	close(edu);
	slow = engine(fd, EDU_BIDIRECTIONAL);
	for (i = 0; i < size; i += 3 * MIB)
		ASSERT_EQ(device_reads(slow, i + 16), i * 5 + 1);
	ASSERT_EQ(device_reads(slow, size - 4096 + 16), (size - 4096) * 5 + 1);
}
