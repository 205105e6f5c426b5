// SPDX-License-Identifier: MIT
/*
 * What single calls of the module cost, in ticks of the time stamp counter:
 * in a deterministic guest, instructions. bench/tracing compares modules by it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#include <linux/dma-buf.h>
#include <linux/dmashm.h>

#include "die.h"

#define ROUNDS 301

static int device, dmabuf, member;
static volatile char *data;

static void call(int fd, unsigned long command, void *arg)
{
	if (ioctl(fd, command, arg))
		die("an ioctl failed");
}

static void lock_unlock(void)
{
	struct dmashm_lock lock = { .deadline = DMASHM_NEVER };
	struct dmashm_unlock unlock = { 0 };

	call(member, DMASHM_IOC_LOCK, &lock);
	call(member, DMASHM_IOC_UNLOCK, &unlock);
}

static void wake(void)
{
	struct dmashm_wake arg = { .offset = DMASHM_OFF_EVENT(0), .count = 1 };

	call(member, DMASHM_IOC_WAKE, &arg);
}

static void sync_pair(void)
{
	struct dma_buf_sync arg = { .flags = DMA_BUF_SYNC_RW };

	arg.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW;
	call(dmabuf, DMA_BUF_IOCTL_SYNC, &arg);
	arg.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
	call(dmabuf, DMA_BUF_IOCTL_SYNC, &arg);
}

static void unmap_page(void)
{
	if (madvise((void *)data, 4096, MADV_DONTNEED))
		die("madvise failed");
}

static void fault(void)
{
	data[0] = 1;
}

static void create_close(void)
{
	struct dmashm_create arg = { .size = 4096 };

	call(device, DMASHM_IOC_CREATE, &arg);
	close(arg.fd);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void measure(const char *name, void (*prepare)(void), void (*run)(void))
{
	static uint64_t ticks[ROUNDS];
	uint64_t before;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (prepare)
			prepare();
		before = __rdtsc();
		run();
		ticks[i] = __rdtsc() - before;
	}
	qsort(ticks, ROUNDS, sizeof(ticks[0]), compare);
	printf("call\t%s\t%llu\t%llu\n", name,
	       (unsigned long long)ticks[ROUNDS / 2],
	       (unsigned long long)ticks[ROUNDS * 9 / 10]);
}

int main(void)
{
	struct dmashm_create create = { .size = 4096 };
	struct dmashm_join join = { 0 };

	device = open(DMASHM_DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		die("%s does not open", DMASHM_DEVICE);
	call(device, DMASHM_IOC_CREATE, &create);
	dmabuf = join.dmabuf_fd = create.fd;
	call(device, DMASHM_IOC_JOIN, &join);
	member = join.fd;
	data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	if (data == MAP_FAILED)
		die("mmap failed");
	measure("LOCK + UNLOCK", NULL, lock_unlock);
	measure("WAKE, nobody sleeps", NULL, wake);
	measure("SYNC start + end", NULL, sync_pair);
	measure("fault of one page", unmap_page, fault);
	measure("CREATE + close, one page", NULL, create_close);
	return 0;
}
