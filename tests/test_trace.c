// SPDX-License-Identifier: MIT
/* Tracepoints: each event, with what it says. */
#include <stdarg.h>
#include <sys/stat.h>

#include "uapi.h"

#define TRACING "/sys/kernel/tracing/instances/dmashm_test"
#define CPU "/sys/devices/system/cpu/cpu%d/online"

static char trace[1 << 20];

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) >= 0;

	close(fd);
	return done;
}

static void get(const char *path)
{
	FILE *file = fopen(path, "r");

	trace[0] = '\0';
	if (file) {
		trace[fread(trace, 1, sizeof(trace) - 1, file)] = '\0';
		fclose(file);
	}
}

/*
 * Turning a tracepoint on or off changes the kernel's code. QEMU's emulation
 * cannot be relied on to do that right while another CPU runs there, so for as
 * long as it takes there is but one.
 */
static void other_cpus(const char *online)
{
	char path[64];
	int cpu;

	get("/proc/cpuinfo");
	if (!strstr(trace, "QEMU TCG"))
		return;
	for (cpu = 1; cpu < 64; cpu++) {
		snprintf(path, sizeof(path), CPU, cpu);
		if (!access(path, F_OK))
			ASSERT(put(path, online));
	}
}

static void switch_events(const char *on)
{
	other_cpus("0");
	ASSERT(put(TRACING "/events/dmashm/enable", on));
	other_cpus("1");
}

static void start_trace(void)
{
	if (mkdir(TRACING, 0700))
		ASSERT_EQ(errno, EEXIST);
	ASSERT(put(TRACING "/trace", ""));
	switch_events("1");
}

/* What was traced is in trace[] from here on. */
static void end_trace(void)
{
	static char text[sizeof(trace)];

	get(TRACING "/trace");
	memcpy(text, trace, sizeof(trace));
	switch_events("0");
	memcpy(trace, text, sizeof(trace));
}

/* A test that failed may have left it on. */
__attribute__((destructor)) static void clean_up(void)
{
	if (access(TRACING, F_OK))
		return;
	switch_events("0");
	rmdir(TRACING);
}

/* How many events there are whose text begins so. */
__attribute__((format(printf, 1, 2)))
static int count(const char *format, ...)
{
	char text[256];
	const char *p;
	va_list args;
	int n = 0;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (p = strstr(trace, text); p; p = strstr(p + 1, text))
		n++;
	return n;
}

static unsigned long long id_of(int fd)
{
	struct dmashm_info info = { .dmabuf_fd = fd };
	int device = open_device();

	ASSERT_EQ(ioctl(device, DMASHM_IOC_INFO, &info), 0);
	close(device);
	return info.buffer_id;
}

/* The number after the first place where the trace says so. */
__attribute__((format(printf, 1, 2)))
static unsigned long long number_after(const char *format, ...)
{
	char text[256];
	const char *p;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	p = strstr(trace, text);
	ASSERT(p);
	return strtoull(p + strlen(text), NULL, 0);
}

TEST(create_and_free)
{
	unsigned long long id;
	int fd;

	start_trace();
	fd = create(3 * page_size() - 1);
	id = id_of(fd);
	close(fd);
	sleep_ms(50);
	end_trace();
	ASSERT_EQ(count("dmashm_create: buffer=%llu size=%zu\n", id,
			3 * page_size()), 1);
	ASSERT_EQ(count("dmashm_free: buffer=%llu size=%zu\n", id,
			3 * page_size()), 1);
}

TEST(fault)
{
	/* More than is mapped at once, too little for folios of 2 MiB. */
	size_t page = page_size(), size = 240 * page;
	int fd = create(size);
	unsigned long long id = id_of(fd);
	volatile uint8_t *data = map_data(fd, size);

	start_trace();
	data[2 * page] = 1;
	(void)data[200 * page];
	end_trace();
	ASSERT_EQ(count("dmashm_fault: buffer=%llu address=%#lx page=2 order=4 write\n",
			id, (unsigned long)&data[2 * page]), 1);
	ASSERT_EQ(count("dmashm_fault: buffer=%llu address=%#lx page=200 order=4 read\n",
			id, (unsigned long)&data[200 * page]), 1);
	ASSERT_EQ(count("dmashm_fault: buffer=%llu ", id), 2);
}

TEST(lock_wait)
{
	int fd = create(1), member = join(fd);
	unsigned long long id = id_of(fd);
	pid_t pid;

	start_trace();
	ASSERT_EQ(try_lock(member), 0);
	pid = start_child();
	if (!pid) {
		int own = join_by(member, NULL);

		ASSERT_ERRNO(lock_shared_until(own, in_ms(50)), ETIMEDOUT);
		ASSERT_EQ(lock_until(own, DMASHM_NEVER), 0);
		ASSERT_EQ(unlock(own), 0);
		/* This one does not wait. */
		ASSERT_EQ(lock_until(own, DMASHM_NEVER), 0);
		ASSERT_EQ(unlock(own), 0);
		_exit(0);
	}
	sleep_ms(300);
	ASSERT_EQ(unlock(member), 0);
	wait_child(pid);
	end_trace();
	ASSERT_EQ(count("dmashm_lock_wait: buffer=%llu ", id), 2);
	ASSERT(number_after("dmashm_lock_wait: buffer=%llu member=2 shared result=-110 ns=", id) > 40000000);
	ASSERT(number_after("dmashm_lock_wait: buffer=%llu member=2 exclusive result=0 ns=", id) > 50000000);
}

/* The kernel, which has the word, waits for readers; and a death meanwhile. */
TEST(lock_wait_for_readers)
{
	int fd = create(1), member = join(fd), tester = open_tester(fd);
	unsigned long long id = id_of(fd);
	uint64_t deadline;

	start_trace();
	ASSERT_EQ(try_lock_shared(member), 0);
	deadline = in_ms(100);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_LOCK, &deadline), ETIMEDOUT);
	ASSERT_EQ(unlock_shared(member), 0);
	end_trace();
	ASSERT_EQ(count("dmashm_lock_wait: buffer=%llu ", id), 1);
	ASSERT(number_after("dmashm_lock_wait: buffer=%llu member=0 exclusive result=-110 ns=", id) > 90000000);
}

TEST(lease_wait)
{
	int fd = create(1), member = join(fd), viewer = join(export_view(fd));
	unsigned long long id = id_of(fd);

	start_trace();
	ASSERT_EQ(try_lock_shared(viewer), 0);
	ASSERT_EQ(unlock_shared(viewer), 0);
	ASSERT_EQ(try_lock(member), 0);
	ASSERT_ERRNO(lock_shared_until(viewer, in_ms(100)), ETIMEDOUT);
	end_trace();
	ASSERT_EQ(count("dmashm_lease_wait: buffer=%llu ", id), 1);
	ASSERT(number_after("dmashm_lease_wait: buffer=%llu result=-110 ns=", id) > 90000000);
}

TEST(wake)
{
	int fd = create(1), member = join(fd);
	unsigned long long id = id_of(fd);
	pid_t pid = start_child();

	if (!pid)
		_exit(wait_word(join_by(member, NULL), DMASHM_OFF_EVENT(1), 0,
				DMASHM_NEVER) != 0);
	sleep_ms(300);
	start_trace();
	ASSERT_EQ(wake_word(member, DMASHM_OFF_EVENT(1), 7), 1);
	ASSERT_EQ(wake_word(member, DMASHM_OFF_EVENT(2), 1), 0);
	wait_child(pid);
	end_trace();
	ASSERT_EQ(count("dmashm_wake: buffer=%llu offset=0x204 count=7 woken=1\n", id), 1);
	ASSERT_EQ(count("dmashm_wake: buffer=%llu offset=0x208 count=1 woken=0\n", id), 1);
}

/* A child that joins, takes the barrier so often, and is killed. */
static void die_inside(int member, int (*take)(int), int times)
{
	int ready[2];
	pid_t pid;
	char byte;

	ASSERT_EQ(pipe(ready), 0);
	pid = start_child();
	if (!pid) {
		int own = join_by(member, NULL);

		while (times--)
			ASSERT_EQ(take(own), 0);
		ASSERT_EQ(write(ready[1], "", 1), 1);
		pause();
	}
	ASSERT_EQ(read(ready[0], &byte, 1), 1);
	kill_child(pid);
}

TEST(recovery_and_repair)
{
	int fd = create(1), member = join(fd);
	unsigned long long id = id_of(fd);

	start_trace();
	die_inside(member, try_lock_shared, 2);
	die_inside(member, try_lock, 0);
	die_inside(member, try_lock, 1);
	ASSERT_ERRNO(recover(member), EPERM);
	ASSERT_ERRNO(lock_until(member, in_ms(10000)), EOWNERDEAD);
	ASSERT_EQ(recover(member), 0);
	ASSERT_EQ(unlock(member), 0);
	end_trace();
	ASSERT_EQ(count("dmashm_recovery: buffer=%llu ", id), 2);
	ASSERT_EQ(count("dmashm_recovery: buffer=%llu member=2 exclusive=0 shared=2\n", id), 1);
	ASSERT_EQ(count("dmashm_recovery: buffer=%llu member=4 exclusive=1 shared=0\n", id), 1);
	ASSERT_EQ(count("dmashm_repair: buffer=%llu member=1 result=-1\n", id), 1);
	ASSERT_EQ(count("dmashm_repair: buffer=%llu member=1 result=0\n", id), 1);
}

TEST(sync_of_the_cpu)
{
	int fd = create(1), member = join(fd);
	struct dmashm_sync part = {
		.flags = DMA_BUF_SYNC_READ,
		.offset = 100,
		.length = 200,
	};
	unsigned long long id = id_of(fd);
	char byte = 0;

	start_trace();
	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), 0);
	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ), 0);
	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE), 0);
	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE), 0);
	ASSERT_EQ(pwrite(member, &byte, 1, 7), 1);
	ASSERT_EQ(ioctl(member, DMASHM_IOC_SYNC, &part), 0);
	end_trace();
	ASSERT_EQ(count("dmashm_sync_begin: buffer=%llu offset=0 length=4096 read\n", id), 1);
	ASSERT_EQ(count("dmashm_sync_end: buffer=%llu offset=0 length=4096 read\n", id), 1);
	ASSERT_EQ(count("dmashm_sync_begin: buffer=%llu offset=0 length=4096 write\n", id), 1);
	ASSERT_EQ(count("dmashm_sync_end: buffer=%llu offset=0 length=4096 write\n", id), 1);
	ASSERT_EQ(count("dmashm_sync_begin: buffer=%llu offset=7 length=1 both\n", id), 1);
	ASSERT_EQ(count("dmashm_sync_end: buffer=%llu offset=7 length=1 both\n", id), 1);
	ASSERT_EQ(count("dmashm_sync_begin: buffer=%llu offset=100 length=200 read\n", id), 1);
}

TEST(events_may_be_switched_again_and_again)
{
	int round, fd = create(1), member = join(fd);

	for (round = 0; round < 10; round++) {
		start_trace();
		ASSERT_EQ(wake_word(member, DMASHM_OFF_EVENT(0), 1), 0);
		end_trace();
		ASSERT_EQ(count("dmashm_wake: buffer=%llu ", id_of(fd)), 1);
		ASSERT_EQ(wake_word(member, DMASHM_OFF_EVENT(0), 1), 0);
	}
}
