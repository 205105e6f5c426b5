/* SPDX-License-Identifier: MIT */
/* QEMU's edu device: DMA into a buffer and out of it, as a test tells it. */
#ifndef TESTS_EDU_H
#define TESTS_EDU_H

#include "kernel/dmashm_edu.h"
#include "uapi.h"

/* Whether all mappings are bounced here, by what the kernel was told; read once. */
static inline bool bounced(void)
{
	static char line[4096];
	FILE *file;

	if (!line[0]) {
		file = fopen("/proc/cmdline", "re");
		ASSERT(file && fgets(line, sizeof(line), file));
		fclose(file);
	}
	return strstr(line, "swiotlb=force") != NULL;
}

/* What is to be seen without a sync. */
static inline uint64_t without(uint64_t old, uint64_t new)
{
	return bounced() ? old : new;
}

static inline int open_edu(void)
{
	int fd;

	if (!load_module("dmashm_edu"))
		FAIL("dmashm_edu.ko does not load");
	fd = open(EDU_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		SKIP("this machine has no edu device");
	ASSERT(fd >= 0);
	return fd;
}

/* Attached until it is closed. */
static inline int attach_edu(int dmabuf)
{
	int edu = open_edu();

	ASSERT_EQ(ioctl(edu, EDU_IOC_ATTACH, &dmabuf), 0);
	return edu;
}

/* 0, or -1 and errno. */
static inline int map_edu(int edu, uint32_t direction, uint32_t flags)
{
	struct edu_map map = { .direction = direction, .flags = flags };

	return ioctl(edu, EDU_IOC_MAP, &map);
}

static inline int unmap_edu(int edu)
{
	return ioctl(edu, EDU_IOC_UNMAP);
}

/* Attached and mapped; what the device does, its engine does, in 100 ms. */
static inline int engine(int dmabuf, uint32_t direction)
{
	int edu = attach_edu(dmabuf);

	ASSERT_EQ(map_edu(edu, direction, 0), 0);
	return edu;
}

/* The same, but done at once. */
static inline int device(int dmabuf, uint32_t direction)
{
	int edu = attach_edu(dmabuf);

	ASSERT_EQ(map_edu(edu, direction, EDU_MAP_BY_CPU), 0);
	return edu;
}

/* A number in the buffer, as the device reads and writes it. */
static inline uint64_t device_reads(int edu, size_t offset)
{
	uint64_t value;

	ASSERT_EQ(pread(edu, &value, sizeof(value), (off_t)offset), sizeof(value));
	return value;
}

static inline void device_writes(int edu, size_t offset, uint64_t value)
{
	ASSERT_EQ(pwrite(edu, &value, sizeof(value), (off_t)offset), sizeof(value));
}

static inline void start(int dmabuf, uint64_t access)
{
	ASSERT_EQ(sync_data(dmabuf, DMA_BUF_SYNC_START | access), 0);
}

static inline void end(int dmabuf, uint64_t access)
{
	ASSERT_EQ(sync_data(dmabuf, DMA_BUF_SYNC_END | access), 0);
}

/* A number in the buffer, as the CPU does; the compiler leaves none of it out. */
static inline uint64_t cpu_reads(const uint8_t *data, size_t offset)
{
	return __atomic_load_n((const uint64_t *)(const void *)(data + offset),
			       __ATOMIC_SEQ_CST);
}

static inline void cpu_writes(uint8_t *data, size_t offset, uint64_t value)
{
	__atomic_store_n((uint64_t *)(void *)(data + offset), value, __ATOMIC_SEQ_CST);
}

/* A whole write by the CPU, with what belongs around it. */
static inline void write_bracket(int dmabuf, uint8_t *data, size_t offset, uint64_t value)
{
	start(dmabuf, DMA_BUF_SYNC_RW);
	cpu_writes(data, offset, value);
	end(dmabuf, DMA_BUF_SYNC_RW);
}

/* A whole read. */
static inline uint64_t read_bracket(int dmabuf, const uint8_t *data, size_t offset)
{
	uint64_t value;

	start(dmabuf, DMA_BUF_SYNC_READ);
	value = cpu_reads(data, offset);
	end(dmabuf, DMA_BUF_SYNC_READ);
	return value;
}

#endif /* TESTS_EDU_H */
