// SPDX-License-Identifier: MIT
/*
 * What it costs to synchronise a part of a buffer that a device has mapped, by
 * the size of the part. Prints rows as "barrier" does, with the size at the end
 * of the operation; and for each exporter that cannot take part: "absent", its
 * name, why. QEMU's edu device is the importer.
 *
 * usage: sync instructions | microseconds
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/dmashm.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <dmashm.h>

#include "../tests/kernel/dmashm_edu.h"
#include "clock.h"
#include "cpus.h"
#include "die.h"
#include "figure.h"

#define SIZE	((size_t)16 << 20)
#define OFFSET(length) (SIZE - (length))	/* as far from the start as can be */
#define ROUNDS	11

static const struct {
	size_t size;
	const char *name;
} lengths[] = {
	{ (size_t)4 << 10, "4 KiB" },
	{ (size_t)16 << 10, "16 KiB" },
	{ (size_t)64 << 10, "64 KiB" },
	{ (size_t)256 << 10, "256 KiB" },
	{ (size_t)1 << 20, "1 MiB" },
	{ (size_t)4 << 20, "4 MiB" },
	{ (size_t)16 << 20, "16 MiB" },
};

#define LENGTHS	(sizeof(lengths) / sizeof(lengths[0]))

static struct dmashm_buffer *buffer, *idle;
static int heap = -1;

/*
 * A START and its END each, around a part, or around all if that is all that
 * the call knows
 */

static void must(int ret, const char *what)
{
	if (ret)
		die("%s failed (%d)", what, ret);
}

static void bracket(struct dmashm_buffer *buf, size_t length, bool write)
{
	unsigned int access = write ? DMASHM_WRITE : DMASHM_READ;

	must(dmashm_begin_range(buf, access, OFFSET(length), length, DMASHM_NEVER), "begin");
	must(dmashm_end_range(buf, access, OFFSET(length), length), "end");
}

static void by_library(size_t length, bool write)
{
	bracket(buffer, length, write);
}

static void without_device(size_t length, bool write)
{
	bracket(idle, length, write);
}

static void by_ioctl(size_t length, bool write)
{
	uint64_t access = write ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ;
	struct dmashm_sync arg = { .offset = OFFSET(length), .length = length };

	arg.flags = DMA_BUF_SYNC_START | access;
	must(ioctl(dmashm_member_fd(buffer), DMASHM_IOC_SYNC, &arg), "SYNC");
	arg.flags = DMA_BUF_SYNC_END | access;
	must(ioctl(dmashm_member_fd(buffer), DMASHM_IOC_SYNC, &arg), "SYNC");
}

static void sync_all(int dmabuf, bool write)
{
	uint64_t access = write ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ;
	struct dma_buf_sync arg;

	arg.flags = DMA_BUF_SYNC_START | access;
	must(ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &arg), "DMA_BUF_IOCTL_SYNC");
	arg.flags = DMA_BUF_SYNC_END | access;
	must(ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &arg), "DMA_BUF_IOCTL_SYNC");
}

static void all_of_ours(size_t length, bool write)
{
	(void)length;
	sync_all(dmashm_fd(buffer), write);
}

static void all_of_heap(size_t length, bool write)
{
	(void)length;
	sync_all(heap, write);
}

static const struct way {
	const char *name;
	enum role role;
	void (*pair)(size_t length, bool write);
} ways[] = {
	{ "dmashm_begin_range", OURS, by_library },
	{ "DMASHM_IOC_SYNC", OURS, by_ioctl },
	{ "DMA_BUF_IOCTL_SYNC", PEER, all_of_ours },
	{ "DMA_BUF_IOCTL_SYNC, again", CONTROL, all_of_ours },
	{ "system heap", PEER, all_of_heap },
	{ "no device attached", REFERENCE, without_device },
};

#define WAYS	(sizeof(ways) / sizeof(ways[0]))

static struct figure figures[WAYS][LENGTHS][2];

/*
 * Who is measured
 */

/* Mapped for the device until the end; 0 or -errno. */
static int map_for_device(int dmabuf)
{
	struct edu_map map = { .direction = EDU_BIDIRECTIONAL };
	int edu = open(EDU_DEVICE, O_RDWR | O_CLOEXEC);

	if (edu < 0)
		die("%s does not open", EDU_DEVICE);
	if (ioctl(edu, EDU_IOC_ATTACH, &dmabuf) || ioctl(edu, EDU_IOC_MAP, &map))
		return -errno;
	if (map.bounced != map.segments)
		die("the mapping is not bounced; the guest needs swiotlb=force");
	return 0;
}

static void open_ours(void)
{
	must(dmashm_create(SIZE, "bench", 0, &idle), "create");
	must(dmashm_create(SIZE, "bench", 0, &buffer), "create");
	must(map_for_device(dmashm_fd(buffer)), "mapping ours");
}

static void open_heap(void)
{
	struct dma_heap_allocation_data arg = {
		.len = SIZE, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	int device = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC), err = 0;

	if (device < 0 || ioctl(device, DMA_HEAP_IOCTL_ALLOC, &arg)) {
		printf("absent\tsystem heap\t%s\n", strerror(errno));
		return;
	}
	err = map_for_device((int)arg.fd);
	if (err)
		printf("absent\tsystem heap\t%zu MiB, bounced, do not map: %s\n",
		       SIZE >> 20, strerror(-err));
	else
		heap = (int)arg.fd;
}

static bool takes_part(const struct way *way)
{
	return way->pair != all_of_heap || heap >= 0;
}

static void measure(double (*clock)(void), double per_unit, bool keep)
{
	size_t w, n, write;

	for (n = 0; n < LENGTHS; n++) {
		for (w = 0; w < WAYS; w++) {
			for (write = 0; takes_part(&ways[w]) && write < 2; write++) {
				double before = clock(), taken;

				ways[w].pair(lengths[n].size, write);
				taken = (clock() - before) / per_unit;
				if (keep)
					figure_add(&figures[w][n][write], taken);
			}
		}
	}
}

static void print_all(const char *unit)
{
	size_t w, n, write;
	char name[64];

	for (write = 0; write < 2; write++) {
		for (n = 0; n < LENGTHS; n++) {
			snprintf(name, sizeof(name), "to %s, %s", write ? "write" : "read",
				 lengths[n].name);
			for (w = 0; w < WAYS; w++)
				if (takes_part(&ways[w]))
					figure_print(&figures[w][n][write], ways[w].role,
						     ways[w].name, name, unit, "");
		}
	}
}

int main(int argc, char **argv)
{
	bool count = argc == 2 && !strcmp(argv[1], "instructions");
	int round;

	if (!count && (argc != 2 || strcmp(argv[1], "microseconds")))
		die("usage: sync instructions | microseconds");
	open_ours();
	open_heap();
	pin(0);
	for (round = 0; round <= ROUNDS; round++)	/* the first for the caches */
		measure(count ? ticks : now, count ? 1 : 1000, round);
	print_all(count ? "instructions" : "us");
	return 0;
}
