// SPDX-License-Identifier: MIT
/*
 * Fences: a device says that it is not done with a buffer yet, and what then
 * poll, sync files, brackets and reads do.
 */
#include <sys/resource.h>

#include "fence.h"
#include "library.h"
#include "remains.h"

/* A sync file of a device that writes to a buffer of its own. */
static int new_sync_file(struct device *device, uint32_t *fence)
{
	int dmabuf = create(1), sync_file;

	*device = new_device(dmabuf);
	*fence = writes(device);
	sync_file = export_fences(dmabuf, DMA_BUF_SYNC_READ);
	ASSERT(sync_file >= 0);
	close(dmabuf);
	return sync_file;
}

/* Children that wait: they are to be there, and gone when the device is done. */
static void still_waits(pid_t pid)
{
	int status;

	sleep_ms(200);
	ASSERT_EQ(waitpid(pid, &status, WNOHANG), 0);
}

static pid_t start_sync(int dmabuf, uint64_t flags)
{
	pid_t pid = start_child();

	if (!pid) {
		ASSERT_EQ(sync_data(dmabuf, DMA_BUF_SYNC_START | flags), 0);
		_exit(0);
	}
	return pid;
}

static pid_t start_bracket(struct dmashm_buffer *buf, unsigned int access)
{
	pid_t pid = start_child();

	if (!pid) {
		ASSERT_EQ(dmashm_begin(buf, access, dmashm_deadline(5 * SECOND)), 0);
		ASSERT_EQ(dmashm_end(buf, access), 0);
		_exit(0);
	}
	return pid;
}

/* Somebody has the barrier for himself. */
static bool is_locked(struct dmashm_buffer *buf)
{
	return load(words_of(buf) + DMASHM_OFF_BARRIER / 4) & DMASHM_KIND_MASK;
}

/* Somebody is in, shared. */
static bool is_shared(struct dmashm_buffer *buf)
{
	uint32_t slot;

	for (slot = 0; slot < DMASHM_CAPACITY; slot++)
		if (load(words_of(buf) + DMASHM_OFF_SLOT(slot) / 4) & DMASHM_SLOT_COUNT)
			return true;
	return false;
}

/* A child is on its way into a bracket: once it is in, it waits for the device. */
static void waits_inside(pid_t pid, struct dmashm_buffer *buf,
			 bool (*is_in)(struct dmashm_buffer *))
{
	uint64_t late = in_ms(10000);

	while (!is_in(buf)) {
		ASSERT(now_ns() < late);
		sleep_ms(1);
	}
	still_waits(pid);
	ASSERT(is_in(buf));
}

/*
 * poll
 */

TEST(poll_says_that_no_fence_is_pending)
{
	ASSERT_EQ(polled(create(1), POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
}

/* Nobody may read or write what a device writes. */
TEST(poll_while_a_device_writes)
{
	int fd = create(1);
	struct device device = new_device(fd);
	uint32_t fence = writes(&device);

	ASSERT_EQ(polled(fd, POLLIN | POLLOUT, 100), 0);
	done(&device, fence);
	ASSERT_EQ(polled(fd, POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
}

/* What a device reads may be read, and not written. */
TEST(poll_while_a_device_reads)
{
	int fd = create(1);
	struct device device = new_device(fd);
	uint32_t fence = reads(&device);

	ASSERT_EQ(polled(fd, POLLIN | POLLOUT, 100), POLLIN);
	ASSERT_EQ(polled(fd, POLLOUT, 100), 0);
	done(&device, fence);
	ASSERT_EQ(polled(fd, POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
}

TEST(poll_sleeps_until_the_device_is_done)
{
	static const short events[] = { POLLIN, POLLOUT };
	int fd = create(1), i;
	struct device device = new_device(fd);

	for (i = 0; i < 2; i++) {
		uint32_t fence = writes(&device);
		pid_t pid = start_child();

		if (!pid) {
			ASSERT_EQ(polled(fd, events[i], 5000), events[i]);
			_exit(0);
		}
		still_waits(pid);
		done(&device, fence);
		wait_child(pid);
	}
}

/*
 * Sync files
 */

TEST(without_a_fence_a_sync_file_is_signalled)
{
	int sync_file = export_fences(create(1), DMA_BUF_SYNC_RW);

	ASSERT(sync_file >= 0);
	ASSERT_EQ(fcntl(sync_file, F_GETFD), FD_CLOEXEC);
	ASSERT(!is_pending(sync_file));
}

/* Exported is what one has to wait for: to read, or to write. */
TEST(export_is_of_what_is_in_the_way)
{
	int fd = create(1), to_read, to_write, to_both;
	struct device device = new_device(fd);
	uint32_t fence = reads(&device);

	to_read = export_fences(fd, DMA_BUF_SYNC_READ);
	to_write = export_fences(fd, DMA_BUF_SYNC_WRITE);
	to_both = export_fences(fd, DMA_BUF_SYNC_RW);
	ASSERT(!is_pending(to_read));
	ASSERT(is_pending(to_write) && is_pending(to_both));
	done(&device, fence);
	ASSERT(!is_pending(to_write) && !is_pending(to_both));

	fence = writes(&device);
	/* These are of the work that was there when they were made. */
	ASSERT(!is_pending(to_write));
	to_read = export_fences(fd, DMA_BUF_SYNC_READ);
	to_write = export_fences(fd, DMA_BUF_SYNC_WRITE);
	ASSERT(is_pending(to_read) && is_pending(to_write));
	done(&device, fence);
	ASSERT(!is_pending(to_read) && !is_pending(to_write));
}

/* Imported is what somebody is going to do: to read, or to write. */
TEST(import_is_of_what_others_must_wait_for)
{
	static const struct {
		uint32_t flags;
		short ready;
	} cases[] = {
		{ DMA_BUF_SYNC_READ, POLLIN },
		{ DMA_BUF_SYNC_WRITE, 0 },
		{ DMA_BUF_SYNC_RW, 0 },
	};
	struct device device;
	uint32_t fence, i;
	int sync_file = new_sync_file(&device, &fence), fd[3];

	for (i = 0; i < 3; i++) {
		fd[i] = create(1);
		ASSERT_EQ(import_fences(fd[i], cases[i].flags, sync_file), 0);
		ASSERT_EQ(polled(fd[i], POLLIN | POLLOUT, 0), cases[i].ready);
	}
	close(sync_file);
	done(&device, fence);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(polled(fd[i], POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
}

TEST(merged_fences_are_signalled_when_all_are)
{
	struct sync_file_info info = { .num_fences = 0 };
	struct sync_merge_data merge = { .name = "both" };
	struct device device[2];
	uint32_t fence[2];
	int first = new_sync_file(&device[0], &fence[0]), fd = create(1);

	merge.fd2 = new_sync_file(&device[1], &fence[1]);
	ASSERT_EQ(ioctl(first, SYNC_IOC_MERGE, &merge), 0);
	ASSERT_EQ(ioctl(merge.fence, SYNC_IOC_FILE_INFO, &info), 0);
	ASSERT_EQ(info.num_fences, 2);
	ASSERT_EQ(info.status, 0);
	ASSERT_EQ(import_fences(fd, DMA_BUF_SYNC_WRITE, merge.fence), 0);
	done(&device[1], fence[1]);
	ASSERT(is_pending(merge.fence));
	ASSERT_EQ(polled(fd, POLLIN, 100), 0);
	done(&device[0], fence[0]);
	ASSERT(!is_pending(merge.fence));
	ASSERT_EQ(polled(fd, POLLIN, 0), POLLIN);
	ASSERT_EQ(status_of(merge.fence), 1);
}

TEST(sync_files_are_refused_as_the_kernel_documents)
{
	struct rlimit limit;
	int fd = create(1), sync_file = export_fences(fd, DMA_BUF_SYNC_READ);

	ASSERT_ERRNO(export_fences(fd, 0), EINVAL);
	ASSERT_ERRNO(export_fences(fd, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END), EINVAL);
	ASSERT_ERRNO(export_fences(fd, DMA_BUF_SYNC_READ | 1u << 31), EINVAL);
	ASSERT_ERRNO(import_fences(fd, 0, sync_file), EINVAL);
	ASSERT_ERRNO(import_fences(fd, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END, sync_file), EINVAL);
	ASSERT_ERRNO(import_fences(fd, DMA_BUF_SYNC_RW | 1u << 31, sync_file), EINVAL);
	ASSERT_ERRNO(import_fences(fd, DMA_BUF_SYNC_READ, -1), EINVAL);
	ASSERT_ERRNO(import_fences(fd, DMA_BUF_SYNC_READ, fd), EINVAL);
	ASSERT_ERRNO(ioctl(fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, NULL), EFAULT);
	ASSERT_ERRNO(ioctl(fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, NULL), EFAULT);
	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)sync_file + 1;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ASSERT_ERRNO(export_fences(fd, DMA_BUF_SYNC_READ), EMFILE);
}

/* A buffer has its fences once, however many dma-bufs there are over it. */
TEST(fences_are_seen_through_every_dmabuf)
{
	int fd = create(1), other = export_dmabuf(fd, O_RDWR), view = export_view(fd);
	struct device device = new_device(other);
	uint32_t fence = writes(&device);

	ASSERT_EQ(polled(fd, POLLIN, 0), 0);
	ASSERT_EQ(polled(other, POLLIN, 0), 0);
	ASSERT_EQ(polled(view, POLLIN, 0), 0);
	ASSERT(is_pending(export_fences(fd, DMA_BUF_SYNC_READ)));
	ASSERT(is_pending(export_fences(view, DMA_BUF_SYNC_READ)));
	done(&device, fence);
	ASSERT_EQ(polled(fd, POLLIN, 0), POLLIN);
	ASSERT_EQ(polled(view, POLLIN, 0), POLLIN);
	close(other);
	fence = reads(&device);
	ASSERT_EQ(polled(view, POLLOUT, 0), 0);
	done(&device, fence);
	ASSERT_EQ(polled(view, POLLOUT, 0), POLLOUT);
}

/*
 * The CPU
 */

TEST(sync_waits_for_what_is_in_the_way)
{
	int fd = create(1);
	struct device device = new_device(fd);
	uint32_t fence = reads(&device);
	pid_t writer, reader;

	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), 0);
	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ), 0);
	writer = start_sync(fd, DMA_BUF_SYNC_WRITE);
	still_waits(writer);
	done(&device, fence);
	wait_child(writer);
	fence = writes(&device);
	reader = start_sync(fd, DMA_BUF_SYNC_READ);
	writer = start_sync(fd, DMA_BUF_SYNC_RW);
	/* Who is done waits for nobody. */
	ASSERT_EQ(sync_data(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW), 0);
	still_waits(reader);
	still_waits(writer);
	done(&device, fence);
	wait_child(reader);
	wait_child(writer);
}

/*
 * A device that is not done: who wants the data waits for its fence, and the
 * barrier stays free meanwhile.
 */
TEST(a_fence_is_waited_for_with_the_barrier_free)
{
	int fd = create(1), member = join(fd);
	struct device device = new_device(fd);
	uint32_t fence = writes(&device);
	pid_t reader, syncer;
	char byte;

	reader = start_child();
	if (!reader) {
		ASSERT_EQ(pread(member, &byte, 1, 0), 1);
		_exit(0);
	}
	syncer = start_sync(fd, DMA_BUF_SYNC_READ);
	still_waits(reader);
	still_waits(syncer);
	ASSERT_EQ(try_lock(member), 0);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(fcntl(member, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	ASSERT_ERRNO(pread(member, &byte, 1, 0), EAGAIN);
	ASSERT_EQ(fcntl(member, F_SETFL, O_RDWR), 0);
	done(&device, fence);
	wait_child(reader);
	wait_child(syncer);
}

/*
 * A bracket takes the barrier, then waits for the device: those who wait for
 * the barrier have their deadlines, and readers are in together.
 */
TEST(a_bracket_waits_for_the_device)
{
	struct dmashm_buffer *buf = new_buffer(1);
	struct device device = new_device(dmashm_fd(buf));
	uint32_t fence = writes(&device);
	pid_t reader = start_bracket(buf, DMASHM_READ), writer;

	waits_inside(reader, buf, is_shared);
	ASSERT_EQ(dmashm_trylock_shared(buf), 0);
	ASSERT_EQ(dmashm_unlock_shared(buf), 0);
	ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(SECOND / 20)), -ETIMEDOUT);
	done(&device, fence);
	wait_child(reader);
	ASSERT_EQ(dmashm_trylock(buf), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);

	/* Who reads need not wait for one that reads; who writes must. */
	fence = reads(&device);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_READ, 0), 0);
	ASSERT_EQ(dmashm_end(buf, DMASHM_READ), 0);
	writer = start_bracket(buf, DMASHM_WRITE);
	waits_inside(writer, buf, is_locked);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_READ, dmashm_deadline(SECOND / 20)), -ETIMEDOUT);
	done(&device, fence);
	wait_child(writer);
}

/* The one case in which there is a fence and no device: see dmashm_begin(). */
TEST(a_bracket_without_a_device_waits_if_it_is_told_to)
{
	struct dmashm_buffer *buf = new_buffer(1);
	struct device elsewhere;
	uint32_t fence;
	int sync_file = new_sync_file(&elsewhere, &fence);
	pid_t reader;

	ASSERT_EQ(import_fences(dmashm_fd(buf), DMA_BUF_SYNC_WRITE, sync_file), 0);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_READ, 0), 0);
	ASSERT_EQ(dmashm_end(buf, DMASHM_READ), 0);
	reader = start_bracket(buf, DMASHM_READ | DMASHM_SYNC);
	still_waits(reader);
	done(&elsewhere, fence);
	wait_child(reader);
}

/*
 * Being interrupted
 */

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

static void on_signal(int flags)
{
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = flags };

	ASSERT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
}

TEST(a_signal_interrupts_sync)
{
	int fd = create(1), view = export_view(fd);
	struct device device = new_device(fd);
	pid_t signaller;

	on_signal(0);
	writes(&device);
	signaller = start_signaller();
	ASSERT_ERRNO(sync_data(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), EINTR);
	ASSERT_ERRNO(sync_data(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW), EINTR);
	ASSERT_ERRNO(sync_data(view, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), EINTR);
	kill_child(signaller);
}

/* What waits on is a child: it is the parent of whoever sends the signals. */
static void goes_on(void (*wait)(struct dmashm_buffer *), int flags)
{
	struct dmashm_buffer *buf = new_buffer(1);
	struct device device = new_device(dmashm_fd(buf));
	uint32_t fence = writes(&device);
	pid_t pid = start_child();

	if (!pid) {
		pid_t signaller;

		on_signal(flags);
		signaller = start_signaller();
		wait(buf);
		ASSERT(signals > 2);
		kill_child(signaller);
		_exit(0);
	}
	still_waits(pid);
	still_waits(pid);
	done(&device, fence);
	wait_child(pid);
}

static void sync_once(struct dmashm_buffer *buf)
{
	ASSERT_EQ(sync_data(dmashm_fd(buf), DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), 0);
}

static void read_once(struct dmashm_buffer *buf)
{
	ASSERT_EQ(dmashm_begin(buf, DMASHM_READ, DMASHM_NEVER), 0);
	ASSERT_EQ(dmashm_end(buf, DMASHM_READ), 0);
}

TEST(sync_is_restarted_where_the_handler_says_so)
{
	goes_on(sync_once, SA_RESTART);
}

TEST(a_bracket_goes_on_after_a_signal)
{
	goes_on(read_once, 0);
}

/* Dying while one waits is dying inside the barrier: it was taken already. */
TEST(who_waits_can_be_killed)
{
	struct dmashm_buffer *buf = new_buffer(1);
	struct device device = new_device(dmashm_fd(buf));
	pid_t pid;

	writes(&device);
	pid = start_bracket(buf, DMASHM_WRITE);
	waits_inside(pid, buf, is_locked);
	kill_child(pid);
	ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(2 * SECOND)), -EOWNERDEAD);
	ASSERT_EQ(dmashm_recover(buf), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
}

/*
 * Devices that never get done
 */

/* It is for the driver to end its fences; vgem does so after ten seconds. */
TEST(a_fence_that_nobody_signals_ends)
{
	struct dmashm_buffer *buf = new_buffer(1);
	struct device device = new_device(dmashm_fd(buf));
	struct drm_vgem_fence_signal late = { 0 };
	uint64_t before = now_ns(), took;
	int view = export_view(dmashm_fd(buf));
	pid_t viewer;

	late.fence = writes(&device);
	viewer = start_sync(view, DMA_BUF_SYNC_READ);
	ASSERT_EQ(dmashm_begin(buf, DMASHM_WRITE, 0), 0);
	took = (now_ns() - before) / 1000000;
	ASSERT(took > VGEM_FENCE_MS - 1000 && took < 3 * VGEM_FENCE_MS);
	ASSERT_EQ(dmashm_end(buf, DMASHM_WRITE), 0);
	wait_child(viewer);
	ASSERT_ERRNO(drmIoctl(device.vgem, DRM_IOCTL_VGEM_FENCE_SIGNAL, &late), ETIMEDOUT);
}

TEST(a_device_that_goes_is_done)
{
	struct dmashm_buffer *buf = new_buffer(1);
	struct device device = new_device(dmashm_fd(buf));
	pid_t reader;

	/* As vgem has it: its fences end with its file. No copy may be left. */
	ASSERT_EQ(fcntl(device.vgem, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	writes(&device);
	reader = start_child();
	if (!reader) {
		close(device.vgem);
		read_once(buf);
		_exit(0);
	}
	still_waits(reader);
	close(device.vgem);
	wait_child(reader);
}

/* Nobody need wait for a fence to be rid of the buffer. */
TEST(a_pending_fence_keeps_no_buffer)
{
	int fd = create(1), sync_file;
	struct device device = new_device(fd);
	uint32_t fence = writes(&device);

	sync_file = export_fences(fd, DMA_BUF_SYNC_READ);
	close(fd);
	ASSERT_EQ(drmCloseBufferHandle(device.vgem, device.handle), 0);
	buffers_are(0);
	ASSERT(is_pending(sync_file));
	done(&device, fence);
	ASSERT(!is_pending(sync_file));
}

/* But poll does, as Linux has it: its answer has to go somewhere. */
TEST(what_was_polled_lives_until_the_device_is_done)
{
	int fd = create(1);
	struct device device = new_device(fd);
	uint32_t fence = writes(&device);

	ASSERT_EQ(polled(fd, POLLIN, 0), 0);
	close(fd);
	ASSERT_EQ(drmCloseBufferHandle(device.vgem, device.handle), 0);
	sleep_ms(100);
	buffers_are(1);
	done(&device, fence);
	buffers_are(0);
}

/*
 * Views
 */

/* Who only reads waits for those who write, devices as well. */
TEST(a_viewer_waits_for_a_device_that_writes)
{
	struct dmashm_buffer *buf = new_buffer(1), *view;
	struct device device = new_device(dmashm_fd(buf));
	uint32_t fence = reads(&device);
	pid_t bracket, syncer, reader;
	char byte;

	ASSERT_EQ(dmashm_view(buf, &view), 0);
	ASSERT_EQ(sync_data(dmashm_fd(view), DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), 0);
	ASSERT_EQ(dmashm_begin(view, DMASHM_READ, dmashm_deadline(5 * SECOND)), 0);
	ASSERT_EQ(dmashm_end(view, DMASHM_READ), 0);
	ASSERT_EQ(pread(dmashm_member_fd(view), &byte, 1, 0), 1);
	done(&device, fence);

	fence = writes(&device);
	syncer = start_sync(dmashm_fd(view), DMA_BUF_SYNC_READ);
	reader = start_child();
	if (!reader) {
		ASSERT_EQ(pread(dmashm_member_fd(view), &byte, 1, 0), 1);
		_exit(0);
	}
	still_waits(syncer);
	still_waits(reader);
	/* Nobody who writes has to wait for them. */
	ASSERT_EQ(dmashm_trylock(buf), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	bracket = start_child();
	if (!bracket) {
		int ret;

		ASSERT_EQ(dmashm_begin(view, DMASHM_READ, dmashm_deadline(5 * SECOND)), 0);
		/* Its time was up long before: a writer came in, or not. */
		ret = dmashm_end(view, DMASHM_READ);
		ASSERT(!ret || ret == -ESTALE);
		_exit(0);
	}
	still_waits(bracket);
	ASSERT_EQ(dmashm_timedlock(buf, dmashm_deadline(5 * SECOND)), 0);
	ASSERT_EQ(dmashm_unlock(buf), 0);
	still_waits(bracket);
	done(&device, fence);
	wait_child(syncer);
	wait_child(reader);
	wait_child(bracket);
}
