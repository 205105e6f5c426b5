// SPDX-License-Identifier: MIT
/*
 * The example drivers: one records into a buffer and says by a fence when it is
 * done, the other waits for that and looks at what there is.
 */
#include "../examples/kernel/dmashm_monitor.h"
#include "../examples/kernel/dmashm_sampler.h"
#include "fence.h"
#include "library.h"
#include "remains.h"

#define TICKS	20
#define PERIOD	20u		/* ms */
#define SIZE	(TICKS * sizeof(struct sample))
#define LONG	(SAMPLER_RECORD_MS / PERIOD)	/* ticks: for what is broken off */
#define LONG_SIZE	(LONG * sizeof(struct sample))

static bool is_ready(int dmabuf, int ms)
{
	return polled(dmabuf, POLLIN, ms) == POLLIN;
}

static int open_driver(const char *module, const char *device)
{
	int fd;

	if (!load_module(module))
		FAIL("%s.ko does not load", module);
	fd = open(device, O_RDWR | O_CLOEXEC);
	ASSERT(fd >= 0);
	return fd;
}

static int open_sampler(void)
{
	return open_driver("dmashm_sampler", SAMPLER_DEVICE);
}

static int record_ticks(int sampler, int dmabuf, uint32_t ticks)
{
	struct sampler_record arg = {
		.dmabuf_fd = dmabuf, .period_ms = PERIOD, .ticks = ticks,
	};

	return ioctl(sampler, SAMPLER_IOC_RECORD, &arg);
}

static int record(int sampler, int dmabuf)
{
	return record_ticks(sampler, dmabuf, TICKS);
}

/* The device is free a moment after the fence of what it recorded last. */
static void record_again(int sampler, int dmabuf)
{
	uint64_t late = in_ms(10000);

	while (record(sampler, dmabuf)) {
		ASSERT_EQ(errno, EBUSY);
		ASSERT(now_ns() < late);
		sleep_ms(1);
	}
}

/* No sample is there that another recording left. When that began, at the earliest. */
static uint64_t record_afresh(int sampler, int dmabuf)
{
	uint64_t before;
	uint8_t *data = map_data(dmabuf, SIZE);

	ASSERT(is_ready(dmabuf, 10000));
	memset(data, 0, SIZE);
	munmap(data, SIZE);
	before = now_ns();
	record_again(sampler, dmabuf);
	return before;
}

/*
 * Has a recording that began after then been given time to end? No, as long as
 * half of what it takes has not gone by: so much may ticks come early.
 */
static bool may_be_done(uint64_t then)
{
	return now_ns() - then >= TICKS * PERIOD * 1000000ull / 2;
}

/* What the monitor finds, within some ms; *ret is -errno if nothing. */
static struct monitor_check look(int dmabuf, uint32_t timeout_ms, int *ret)
{
	int monitor = open_driver("dmashm_monitor", MONITOR_DEVICE);
	struct monitor_check check = {
		.dmabuf_fd = dmabuf, .timeout_ms = timeout_ms, .count = TICKS,
		.samples = 77, .torn = 88,
	};

	*ret = ioctl(monitor, MONITOR_IOC_CHECK, &check) ? -errno : 0;
	close(monitor);
	return check;
}

TEST(a_recording_is_whole_when_its_fence_is_signalled)
{
	int fd = create(SIZE), sampler = open_sampler(), ret;
	struct monitor_check check;
	const struct sample *sample;
	int sync_file;
	uint64_t before = now_ns();
	bool pending;
	uint32_t i;

	ASSERT_EQ(record(sampler, fd), 0);
	sync_file = export_fences(fd, DMA_BUF_SYNC_READ);
	pending = !status_of(sync_file) && !is_ready(fd, 0);
	ASSERT(pending || may_be_done(before));
	check = look(fd, 10000, &ret);
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(status_of(sync_file), 1);
	ASSERT(is_ready(fd, 0));
	ASSERT_EQ(check.samples, TICKS);
	ASSERT_EQ(check.missed, 0);
	ASSERT_EQ(check.torn, 0);
	ASSERT_EQ(check.min, -999);
	ASSERT_EQ(check.max, -1000 + TICKS);
	sample = (const struct sample *)map_data(fd, SIZE);
	for (i = 0; i < TICKS; i++) {
		ASSERT_EQ(sample[i].turns, i + 1);
		ASSERT_EQ(sample[i].check, sample_check(&sample[i]));
	}
}

/* Whoever waits by a bracket has the barrier meanwhile, and gets few samples. */
TEST(a_bracket_waits_for_the_recording)
{
	struct dmashm_buffer *buf = new_buffer(SIZE);
	int sampler = open_sampler(), ret;
	uint64_t late = in_ms(20000), before;
	struct monitor_check check;

	/* Again if we came when it was done. */
	do {
		ASSERT(now_ns() < late);
		before = record_afresh(sampler, dmashm_fd(buf));
		ASSERT_EQ(dmashm_begin(buf, DMASHM_READ | DMASHM_SYNC,
				       dmashm_deadline(10 * SECOND)), 0);
		ASSERT(may_be_done(before));
		ASSERT(is_ready(dmashm_fd(buf), 0));
		ASSERT_EQ(dmashm_end(buf, DMASHM_READ | DMASHM_SYNC), 0);
		check = look(dmashm_fd(buf), 10000, &ret);
		ASSERT_EQ(ret, 0);
	} while (check.samples == TICKS);
}

/* The barrier is no fence, and keeps none from being signalled. */
TEST(who_keeps_the_barrier_does_not_keep_the_fence)
{
	int fd = create(SIZE), member = join(fd), sampler = open_sampler(), ret;
	uint64_t late = in_ms(20000), before;
	struct monitor_check check;

	/* Again if it was done before we had the barrier. */
	for (;;) {
		ASSERT(now_ns() < late);
		before = record_afresh(sampler, fd);
		ASSERT_EQ(lock_until(member, in_ms(10000)), 0);
		if (!may_be_done(before))
			break;
		ASSERT_EQ(unlock(member), 0);
	}
	ASSERT(is_ready(fd, 10000));
	ASSERT(may_be_done(before));
	/* The other driver needs the barrier, and gives up in time. */
	before = now_ns();
	look(fd, 200, &ret);
	ASSERT_EQ(ret, -ETIMEDOUT);
	ASSERT(now_ns() - before < 5 * SECOND);
	ASSERT_EQ(unlock(member), 0);
	check = look(fd, 200, &ret);
	ASSERT_EQ(ret, 0);
	ASSERT(check.samples < TICKS);
}

/* What devices have may be copied over all: not while somebody is writing. */
TEST(a_recording_waits_for_the_barrier_for_a_while)
{
	int fd = create(SIZE), member = join(fd), sampler = open_sampler();
	uint64_t before = now_ns();

	ASSERT_EQ(try_lock(member), 0);
	ASSERT_ERRNO(record(sampler, fd), ETIMEDOUT);
	ASSERT(now_ns() - before >= SAMPLER_PATIENCE_MS * 1000000ull / 2);
	ASSERT(is_ready(fd, 0));
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(record(sampler, fd), 0);
}

TEST(one_who_comes_between_costs_ticks_and_nothing_else)
{
	int fd = create(SIZE), member = join(fd), sampler = open_sampler(), ret;
	uint64_t late = in_ms(20000), before;
	struct monitor_check check;

	/* Again if that took so long that the last ticks may have been among them. */
	do {
		ASSERT(now_ns() < late);
		before = record_afresh(sampler, fd);
		sleep_ms(2 * PERIOD);
		ASSERT_EQ(lock_until(member, in_ms(10000)), 0);
		sleep_ms(4 * PERIOD);
		ASSERT_EQ(unlock(member), 0);
	} while (may_be_done(before));
	check = look(fd, 10000, &ret);
	ASSERT_EQ(ret, 0);
	ASSERT(check.missed >= 1);
	ASSERT_EQ(check.samples + check.missed, TICKS);
	ASSERT_EQ(check.torn, 0);
}

/* The monitor does not believe what it has not checked. */
TEST(what_is_not_a_sample_is_found_out)
{
	int fd = create(SIZE), sampler = open_sampler(), ret;
	struct sample *sample = (struct sample *)map_data(fd, SIZE);
	struct monitor_check check;

	ASSERT_EQ(record(sampler, fd), 0);
	ASSERT(is_ready(fd, 10000));
	sample[3].value++;
	sample[5].turns = 3;
	check = look(fd, 1000, &ret);
	ASSERT_EQ(ret, 0);
	ASSERT_EQ(check.samples, TICKS - 2);
	ASSERT_EQ(check.torn, 2);
}

TEST(the_monitor_gives_up_on_a_fence)
{
	int fd = create(SIZE), vgem = open_vgem(), ret;
	uint32_t fence = attach_fence(vgem, import_dmabuf(vgem, fd), VGEM_FENCE_WRITE);

	look(fd, 100, &ret);
	ASSERT_EQ(ret, -ETIMEDOUT);
	signal_fence(vgem, fence);
	look(fd, 100, &ret);
	ASSERT_EQ(ret, 0);
	/* A device that reads is in nobody's way who reads. */
	attach_fence(vgem, import_dmabuf(vgem, fd), 0);
	look(fd, 100, &ret);
	ASSERT_EQ(ret, 0);
}

/* Also on one that came when it had waited for fences already. */
TEST(the_monitor_gives_up_on_a_fence_that_comes_late)
{
	int fd = create(SIZE), member = join(fd), vgem = open_vgem(), ret;
	uint64_t late = in_ms(1000);
	const uint32_t *words = map_words(member);
	pid_t pid;

	ASSERT_EQ(try_lock(member), 0);
	pid = start_child();
	if (!pid) {
		look(fd, 1000, &ret);
		ASSERT_EQ(ret, -ETIMEDOUT);
		_exit(0);
	}
	while (!(load(words + DMASHM_OFF_BARRIER / 4) & DMASHM_WAITERS) && now_ns() < late)
		sleep_ms(1);
	attach_fence(vgem, import_dmabuf(vgem, fd), VGEM_FENCE_WRITE);
	ASSERT_EQ(unlock(member), 0);
	wait_child(pid);
}

/* Who writes waits for those who work on the buffer already. */
TEST(a_recording_waits_for_other_devices)
{
	int fd = create(SIZE), vgem = open_vgem(), sampler = open_sampler(), status;
	uint32_t fence = attach_fence(vgem, import_dmabuf(vgem, fd), 0);
	pid_t pid = start_child();
	uint64_t before;

	if (!pid) {
		ASSERT_EQ(record(sampler, fd), 0);
		_exit(0);
	}
	sleep_ms(200);
	ASSERT_EQ(waitpid(pid, &status, WNOHANG), 0);
	before = now_ns();
	signal_fence(vgem, fence);
	wait_child(pid);
	ASSERT(!is_ready(fd, 0) || may_be_done(before));
	ASSERT(is_ready(fd, 10000));
}

TEST(closing_the_device_breaks_the_recording_off)
{
	int fd = create(LONG_SIZE), sampler = open_sampler(), sync_file;

	ASSERT_EQ(record_ticks(sampler, fd, LONG), 0);
	sync_file = export_fences(fd, DMA_BUF_SYNC_READ);
	close(sampler);
	ASSERT(is_ready(fd, 5000));
	ASSERT_EQ(status_of(sync_file), -ECANCELED);
}

TEST(dying_breaks_the_recording_off)
{
	int fd = create(LONG_SIZE), sync_file, i;

	for (i = 0; i < 10; i++) {
		int ends[2];
		char byte;
		pid_t pid;

		ASSERT_EQ(pipe(ends), 0);
		pid = start_child();
		if (!pid) {
			ASSERT_EQ(record_ticks(open_sampler(), fd, LONG), 0);
			ASSERT_EQ(write(ends[1], "x", 1), 1);
			pause();
		}
		ASSERT_EQ(read(ends[0], &byte, 1), 1);
		sync_file = export_fences(fd, DMA_BUF_SYNC_READ);
		sleep_ms((unsigned int)i * 3);
		kill_child(pid);
		ASSERT(is_ready(fd, 5000));
		ASSERT_EQ(status_of(sync_file), -ECANCELED);
		close(sync_file);
		close(ends[0]);
		close(ends[1]);
	}
}

TEST(one_recording_after_the_other)
{
	int sampler = open_sampler(), fd = create(SIZE), i, ret;

	for (i = 0; i < 3; i++) {
		uint64_t before = now_ns();

		record_again(sampler, fd);
		/* One that is not refused came when the first one was done. */
		if (record(sampler, fd))
			ASSERT_EQ(errno, EBUSY);
		else
			ASSERT(may_be_done(before));
		ASSERT(is_ready(fd, 10000));
		ASSERT_EQ(look(fd, 1000, &ret).samples, TICKS);
	}
}

TEST(what_cannot_be_recorded_is_refused)
{
	static const struct sampler_record wrong[] = {
		{ .period_ms = 0, .ticks = 1 },
		{ .period_ms = 1001, .ticks = 1 },
		{ .period_ms = 1, .ticks = 0 },
		{ .period_ms = 1, .ticks = SAMPLER_TICKS_MAX + 1 },
		{ .period_ms = 1000, .ticks = 11 },
		{ .period_ms = 1, .ticks = 1, .pad = 1 },
		{ .period_ms = 1, .ticks = 1, .offset = 4 },
		{ .period_ms = 1, .ticks = 1, .offset = 4096 },
		{ .period_ms = 1, .ticks = 1, .offset = 4096 - 32 },
		{ .period_ms = 1, .ticks = 1, .offset = UINT64_MAX - 7 },
		{ .period_ms = 1, .ticks = 103 },
	};
	struct dmashm_seal seal = { 0 };
	int sampler = open_sampler(), fd = create(1), member = join(fd);
	size_t i;

	ASSERT_EQ(page_size(), 4096);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct sampler_record arg = wrong[i];

		arg.dmabuf_fd = fd;
		ASSERT_ERRNO(ioctl(sampler, SAMPLER_IOC_RECORD, &arg), EINVAL);
	}
	ASSERT_ERRNO(record(sampler, -1), EBADF);
	ASSERT_ERRNO(record(sampler, sampler), EINVAL);
	ASSERT_ERRNO(record(sampler, export_view(fd)), EACCES);
	ASSERT_EQ(ioctl(member, DMASHM_IOC_SEAL, &seal), 0);
	ASSERT_ERRNO(record(sampler, fd), EPERM);
	/* None of that left a fence. */
	ASSERT(is_ready(fd, 0));
}

TEST(what_cannot_be_looked_at_is_refused)
{
	static const struct monitor_check wrong[] = {
		{ .timeout_ms = 0, .count = 1 },
		{ .timeout_ms = 60001, .count = 1 },
		{ .timeout_ms = 1, .count = 0 },
		{ .timeout_ms = 1, .count = SAMPLER_TICKS_MAX + 1 },
		{ .timeout_ms = 1, .count = 1, .pad = 1 },
		{ .timeout_ms = 1, .count = 1, .offset = 4 },
		{ .timeout_ms = 1, .count = 1, .offset = 4096 },
		{ .timeout_ms = 1, .count = 103 },
	};
	int monitor = open_driver("dmashm_monitor", MONITOR_DEVICE), fd = create(1), ret;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct monitor_check arg = wrong[i];

		arg.dmabuf_fd = fd;
		ASSERT_ERRNO(ioctl(monitor, MONITOR_IOC_CHECK, &arg), EINVAL);
	}
	look(-1, 100, &ret);
	ASSERT_EQ(ret, -EBADF);
	look(monitor, 100, &ret);
	ASSERT_EQ(ret, -EINVAL);
	look(export_view(fd), 100, &ret);
	ASSERT_EQ(ret, -EACCES);
}

static bool unload_sampler(void)
{
	return system("rmmod dmashm_sampler 2>/dev/null") == 0;
}

/* A fence may be asked who made it for as long as anybody has it. */
TEST(a_fence_keeps_the_module_that_made_it)
{
	int fd = create(SIZE), sampler = open_sampler(), sync_file;
	uint64_t late;

	ASSERT_EQ(record(sampler, fd), 0);
	sync_file = export_fences(fd, DMA_BUF_SYNC_READ);
	ASSERT(is_ready(fd, 10000));
	close(sampler);
	close(fd);
	buffers_are(0);
	ASSERT(!unload_sampler());
	ASSERT_EQ(status_of(sync_file), 1);
	close(sync_file);
	for (late = in_ms(10000); !unload_sampler(); sleep_ms(10))
		ASSERT(now_ns() < late);
}

/* What goes on without end has no fence. */
TEST(sampling_without_end_has_no_fence)
{
	int fd = create(SIZE), sampler = open_sampler();
	struct sampler_start start = { .dmabuf_fd = fd, .period_ms = 1 };
	const struct sample *sample = (const struct sample *)map_data(fd, SIZE);
	uint64_t late = in_ms(5000);

	ASSERT_EQ(ioctl(sampler, SAMPLER_IOC_START, &start), 0);
	ASSERT_ERRNO(record(sampler, fd), EBUSY);
	while (__atomic_load_n(&sample->turns, __ATOMIC_SEQ_CST) < 10) {
		ASSERT(is_ready(fd, 0));
		ASSERT(now_ns() < late);
		sleep_ms(1);
	}
}
