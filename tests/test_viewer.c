// SPDX-License-Identifier: MIT
/*
 * Viewers, the members that may only read: what they cannot do, and that they
 * keep those who write waiting for no longer than a lease.
 */
#include <pthread.h>
#include <sys/uio.h>

#include "uapi.h"

/* What a lease may take, and a slow machine besides. */
#define LEASE_MS	(DMASHM_LEASE_NS / 1000000)
#define SLOW_MS		5000

/* A member and a viewer of a new buffer. */
static int dmabuf, view, member, viewer;

static void set_up(void)
{
	dmabuf = create(MIB);
	view = export_view(dmabuf);
	member = join(dmabuf);
	viewer = join(view);
}

static uint64_t ms_since(uint64_t start)
{
	return (now_ns() - start) / 1000000;
}

/* The member gets in, after so many ms at least. */
static void writer_gets_in(uint64_t at_least)
{
	uint64_t start = now_ns();

	ASSERT_EQ(lock_until(member, in_ms(20000)), 0);
	ASSERT(ms_since(start) >= at_least);
	ASSERT(ms_since(start) < at_least + LEASE_MS + SLOW_MS);
	ASSERT_EQ(unlock(member), 0);
}

TEST(joining_by_a_view_makes_a_viewer)
{
	struct dmashm_join arg = { .fd = -1 };
	struct dmashm_info info = { .dmabuf_fd = -1 };

	set_up();
	arg.dmabuf_fd = view;
	ASSERT_EQ(ioctl(open_device(), DMASHM_IOC_JOIN, &arg), 0);
	ASSERT_EQ(arg.id, 0);
	ASSERT_EQ(arg.slot, DMASHM_NO_SLOT);
	ASSERT_EQ(ioctl(arg.fd, DMASHM_IOC_INFO, &info), 0);
	ASSERT_EQ(info.flags, DMASHM_INFO_RDONLY);
	ASSERT_EQ(info.id, 0);
	ASSERT_EQ(info.members, 1);
}

/* All that is given has to allow writing. */
TEST(joining_never_gives_more_than_was_given)
{
	struct dmashm_join arg = { .fd = -1 };

	set_up();
	arg.dmabuf_fd = view;
	ASSERT_EQ(ioctl(member, DMASHM_IOC_JOIN, &arg), 0);
	ASSERT_EQ(arg.id, 0);
	arg.dmabuf_fd = dmabuf;
	ASSERT_EQ(ioctl(viewer, DMASHM_IOC_JOIN, &arg), 0);
	ASSERT_EQ(arg.id, 0);
	arg.dmabuf_fd = -1;
	ASSERT_EQ(ioctl(viewer, DMASHM_IOC_JOIN, &arg), 0);
	ASSERT_EQ(arg.id, 0);
	ASSERT_ERRNO(try_lock(arg.fd), EACCES);
}

TEST(exporting_never_gives_more_either)
{
	struct dmashm_export arg = { .flags = O_RDWR };

	set_up();
	arg.dmabuf_fd = -1;
	ASSERT_ERRNO(ioctl(viewer, DMASHM_IOC_EXPORT, &arg), EACCES);
	arg.dmabuf_fd = dmabuf;
	ASSERT_ERRNO(ioctl(viewer, DMASHM_IOC_EXPORT, &arg), EACCES);
	arg.dmabuf_fd = view;
	ASSERT_ERRNO(ioctl(member, DMASHM_IOC_EXPORT, &arg), EACCES);
	arg.flags = O_RDONLY;
	ASSERT_EQ(ioctl(viewer, DMASHM_IOC_EXPORT, &arg), 0);
}

TEST(it_excludes_nobody)
{
	set_up();
	ASSERT_ERRNO(try_lock(viewer), EACCES);
	ASSERT_ERRNO(lock_until(viewer, in_ms(10)), EACCES);
	ASSERT_ERRNO(unlock(viewer), EACCES);
	ASSERT_ERRNO(recover(viewer), EACCES);
	ASSERT_EQ(try_lock(member), 0);
	ASSERT_ERRNO(unlock(viewer), EACCES);
	ASSERT_ERRNO(recover(viewer), EACCES);
	ASSERT_EQ(unlock(member), 0);
}

TEST(it_wakes_and_seals_nobody)
{
	struct dmashm_seal seal = { 0 };

	set_up();
	ASSERT_ERRNO(wake_word(viewer, DMASHM_OFF_EVENT(0), 1), EACCES);
	ASSERT_ERRNO(ioctl(viewer, DMASHM_IOC_SEAL, &seal), EACCES);
}

TEST(it_cannot_write_the_data)
{
	char byte;

	set_up();
	ASSERT_EQ(pwrite(member, "asdf", 4, 0), 4);
	ASSERT_ERRNO(write(viewer, "x", 1), EBADF);
	ASSERT_ERRNO(pwrite(viewer, "x", 1, 0), EBADF);
	ASSERT_EQ(fcntl(viewer, F_SETFL, O_RDWR), 0);
	ASSERT_ERRNO(pwrite(viewer, "x", 1, 0), EBADF);
	ASSERT_EQ(pread(viewer, &byte, 1, 0), 1);
	ASSERT_EQ(byte, 'a');
	ASSERT_EQ(lseek(viewer, 0, SEEK_END), MIB);
	ASSERT_EQ(read(viewer, &byte, 1), 0);
}

TEST(it_cannot_scribble)
{
	struct iovec from = { (char[]){ "attack" }, 6 }, to = { .iov_len = 6 };
	char path[64];
	void *words;
	int mem;

	set_up();
	ASSERT_ERRNO((long)mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
				MAP_SHARED, viewer, (off_t)page_size()), EACCES);
	words = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, viewer,
		     (off_t)page_size());
	ASSERT(words != MAP_FAILED);
	ASSERT_ERRNO(mprotect(words, page_size(), PROT_WRITE), EACCES);
	to.iov_base = words;
	ASSERT_ERRNO(process_vm_writev(getpid(), &from, 1, &to, 1, 0), EFAULT);
	mem = open("/proc/self/mem", O_RDWR);
	ASSERT_ERRNO(pwrite(mem, "attack", 6, (off_t)(uintptr_t)words), EIO);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", viewer);
	ASSERT_ERRNO(open(path, O_RDWR), ENXIO);
	ASSERT_EQ(load(words), 0);
	ASSERT_EQ(load(map_words(member)), 0);
}

TEST(it_shares)
{
	set_up();
	ASSERT_EQ(try_lock_shared(viewer), 0);
	ASSERT_EQ(try_lock_shared(member), 0);
	ASSERT_ERRNO(try_lock(member), EBUSY);
	ASSERT_EQ(unlock_shared(member), 0);
	ASSERT_ERRNO(try_lock(member), EBUSY);
	ASSERT_EQ(unlock_shared(viewer), 0);
	ASSERT_ERRNO(unlock_shared(viewer), EPERM);
	ASSERT_EQ(try_lock(member), 0);
	ASSERT_ERRNO(try_lock_shared(viewer), EBUSY);
	ASSERT_ERRNO(lock_shared_until(viewer, in_ms(50)), ETIMEDOUT);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(lock_shared_until(viewer, in_ms(50)), 0);
}

TEST(a_driver_excludes_it_too)
{
	uint64_t deadline = DMASHM_NEVER;
	int tester;

	set_up();
	tester = open_tester(dmabuf);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_LOCK, &deadline), 0);
	ASSERT_ERRNO(try_lock_shared(viewer), EBUSY);
	/* Whatever the word says. */
	store(map_words(member), 0);
	ASSERT_ERRNO(try_lock_shared(viewer), EBUSY);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_UNLOCK), EPROTO);
	ASSERT_EQ(try_lock_shared(viewer), 0);
	ASSERT_ERRNO(ioctl(tester, TESTER_IOC_UNLOCK_SHARED), EPERM);
}

/* Who unlocks hands it over: no member that is quicker can come in between. */
TEST(it_gets_in_when_a_writer_unlocks)
{
	int round;
	pid_t pid;

	set_up();
	for (round = 0; round < 20; round++) {
		ASSERT_EQ(try_lock(member), 0);
		pid = start_child();
		if (!pid) {
			int own = join(view);

			ASSERT_EQ(lock_shared_until(own, in_ms(SLOW_MS)), 0);
			ASSERT_EQ(unlock_shared(own), 0);
			_exit(0);
		}
		sleep_ms(20);
		ASSERT_EQ(unlock(member), 0);
		wait_child(pid);
	}
}

TEST(a_dead_holder_is_told_of)
{
	pid_t pid;

	set_up();
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(try_lock(join(dmabuf)), 0);
		pause();
	}
	while (!(load(map_words(member)) & DMASHM_KIND_MASK))
		sleep_ms(5);
	kill_child(pid);
	ASSERT_ERRNO(lock_shared_until(viewer, in_ms(SLOW_MS)), EOWNERDEAD);
	ASSERT_EQ(unlock_shared(viewer), 0);
}

/*
 * The lease
 */

TEST(nobody_takes_a_lease_back_that_nobody_wants)
{
	set_up();
	ASSERT_EQ(try_lock_shared(viewer), 0);
	sleep_ms(2 * LEASE_MS);
	ASSERT_EQ(unlock_shared(viewer), 0);
}

TEST(a_writer_takes_it_back)
{
	set_up();
	ASSERT_EQ(try_lock_shared(viewer), 0);
	writer_gets_in(LEASE_MS / 2);
	ASSERT_ERRNO(unlock_shared(viewer), ESTALE);
	ASSERT_ERRNO(unlock_shared(viewer), EPERM);
	ASSERT_EQ(try_lock_shared(viewer), 0);
	ASSERT_EQ(unlock_shared(viewer), 0);
}

TEST(the_kernel_takes_it_back)
{
	uint64_t deadline;
	int tester;

	set_up();
	tester = open_tester(dmabuf);
	ASSERT_EQ(try_lock_shared(viewer), 0);
	deadline = in_ms(LEASE_MS + SLOW_MS);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_LOCK, &deadline), 0);
	ASSERT_EQ(ioctl(tester, TESTER_IOC_UNLOCK), 0);
	ASSERT_EQ(pwrite(member, "x", 1, 0), 1);
	ASSERT_ERRNO(unlock_shared(viewer), ESTALE);
}

TEST(trying_takes_it_back_once_its_time_is_up)
{
	set_up();
	ASSERT_EQ(try_lock_shared(viewer), 0);
	ASSERT_ERRNO(try_lock(member), EBUSY);
	sleep_ms(LEASE_MS + 10);
	ASSERT_EQ(try_lock(member), 0);
	ASSERT_ERRNO(unlock_shared(viewer), ESTALE);
}

TEST(a_deadline_before_its_end_counts)
{
	set_up();
	ASSERT_EQ(try_lock_shared(viewer), 0);
	ASSERT_ERRNO(lock_until(member, in_ms(LEASE_MS / 10)), ETIMEDOUT);
	ASSERT_EQ(unlock_shared(viewer), 0);
}

/* It lasts from the last of them that came in. */
TEST(its_threads_have_one_lease)
{
	uint64_t start;
	int ret;

	set_up();
	ASSERT_EQ(try_lock_shared(viewer), 0);
	sleep_ms(LEASE_MS * 2 / 3);
	start = now_ns();
	ASSERT_EQ(try_lock_shared(viewer), 0);
	sleep_ms(LEASE_MS / 2);
	ret = try_lock(member);
	ASSERT(ret == -1 || ms_since(start) >= LEASE_MS);
	if (!ret)
		SKIP("the machine is too slow to tell");
	sleep_ms(LEASE_MS);
	ASSERT_EQ(try_lock(member), 0);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_ERRNO(unlock_shared(viewer), ESTALE);
	ASSERT_ERRNO(unlock_shared(viewer), ESTALE);
}

/* Until all its threads have been told. */
TEST(all_who_were_in_are_told)
{
	set_up();
	ASSERT_EQ(try_lock_shared(viewer), 0);
	ASSERT_EQ(try_lock_shared(viewer), 0);
	writer_gets_in(0);
	ASSERT_ERRNO(try_lock_shared(viewer), ESTALE);
	ASSERT_ERRNO(unlock_shared(viewer), ESTALE);
	ASSERT_ERRNO(lock_shared_until(viewer, in_ms(50)), ESTALE);
	ASSERT_ERRNO(unlock_shared(viewer), ESTALE);
	ASSERT_EQ(try_lock_shared(viewer), 0);
	ASSERT_EQ(unlock_shared(viewer), 0);
}

TEST(a_viewer_that_is_stopped_inside)
{
	pid_t pid;
	int status;

	set_up();
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(try_lock_shared(join(view)), 0);
		raise(SIGSTOP);
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
	ASSERT(WIFSTOPPED(status));
	writer_gets_in(0);
	ASSERT_EQ(try_lock(member), 0);
	kill(pid, SIGKILL);
}

TEST(a_viewer_that_dies_inside)
{
	int in[2];
	pid_t pid;
	char byte;

	set_up();
	ASSERT_EQ(pipe(in), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(try_lock_shared(join(view)), 0);
		ASSERT_EQ(write(in[1], "x", 1), 1);
		pause();
	}
	ASSERT_EQ(read(in[0], &byte, 1), 1);
	kill_child(pid);
	ASSERT_EQ(lock_until(member, in_ms(SLOW_MS)), 0);
}

/*
 * One that gets no processor while it is woken or on its way in: at the
 * idle priority, beside one that never sleeps, on one processor.
 */
TEST(a_viewer_that_gets_no_processor)
{
	struct sched_param none = { 0 };
	cpu_set_t one;
	pid_t hog, slow;
	int round;

	set_up();
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	hog = start_child();
	if (!hog) {
		ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
		for (;;)
			;
	}
	slow = start_child();
	if (!slow) {
		int own = join(view);

		ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
		ASSERT_EQ(sched_setscheduler(0, SCHED_IDLE, &none), 0);
		for (;;)
			if (!lock_shared_until(own, DMASHM_NEVER))
				(void)unlock_shared(own);
	}
	for (round = 0; round < 200; round++) {
		ASSERT_EQ(lock_until(member, in_ms(LEASE_MS + SLOW_MS)), 0);
		ASSERT_EQ(unlock(member), 0);
	}
	kill_child(slow);
	kill_child(hog);
}

/*
 * No place of theirs is taken
 */

TEST(viewers_leave_the_members_places_alone)
{
	int n, fd;

	set_up();
	for (n = 1; n < DMASHM_VIEWERS; n++) {
		fd = join(view);
		ASSERT(fd >= 0);
	}
	{
		struct dmashm_join arg = { .dmabuf_fd = view, .fd = -1 };

		ASSERT_ERRNO(ioctl(open_device(), DMASHM_IOC_JOIN, &arg), EUSERS);
	}
	for (n = 1; n < DMASHM_CAPACITY; n++)
		ASSERT(join(dmabuf) >= 0);
	close(fd);
	ASSERT(join(view) >= 0);
}

/* Who finds no place tries again: whoever looks for the last one has it for a moment. */
static void *sleep_for_lease(void *fd)
{
	while (lock_shared_until((int)(intptr_t)fd, DMASHM_NEVER) && errno == EUSERS)
		sleep_ms(20);
	return NULL;
}

static void *sleep_for_word(void *fd)
{
	while (wait_word((int)(intptr_t)fd, DMASHM_OFF_EVENT(0), 0, DMASHM_NEVER) == -1 &&
	       errno == EUSERS)
		sleep_ms(20);
	return NULL;
}

/* Threads of a child, which all do one thing to a viewer of its own. */
static pid_t start_threads(void *(*run)(void *), int count)
{
	pthread_attr_t attr;
	pthread_t thread;
	pid_t pid = start_child();
	int own, n;

	if (pid)
		return pid;
	own = join(view);
	ASSERT_EQ(pthread_attr_init(&attr), 0);
	ASSERT_EQ(pthread_attr_setstacksize(&attr, 65536), 0);
	for (n = 0; n < count; n++)
		ASSERT_EQ(pthread_create(&thread, &attr, run, (void *)(intptr_t)own), 0);
	for (;;)
		pause();
}

TEST(viewers_that_sleep_for_a_lease_leave_the_lockers_places_alone)
{
	int other;
	pid_t pid;

	set_up();
	other = join(dmabuf);
	ASSERT_EQ(try_lock(member), 0);
	pid = start_threads(sleep_for_lease, DMASHM_VIEWERS + 20);
	while (lock_shared_until(viewer, in_ms(20)) != -1 || errno != EUSERS)
		sleep_ms(20);
	ASSERT_ERRNO(lock_until(other, in_ms(50)), ETIMEDOUT);
	ASSERT_EQ(unlock(member), 0);
	ASSERT_EQ(lock_until(other, in_ms(LEASE_MS + SLOW_MS)), 0);
	ASSERT_EQ(unlock(other), 0);
	kill_child(pid);
}

TEST(viewers_that_sleep_for_a_word_leave_the_members_places_alone)
{
	pid_t pid;

	set_up();
	pid = start_threads(sleep_for_word, DMASHM_SLEEPERS / 2 + 20);
	while (wait_word(viewer, DMASHM_OFF_EVENT(1), 0, in_ms(20)) != -1 ||
	       errno != EUSERS)
		sleep_ms(20);
	ASSERT_ERRNO(wait_word(member, DMASHM_OFF_EVENT(1), 0, in_ms(50)), ETIMEDOUT);
	ASSERT(wake_word(member, DMASHM_OFF_EVENT(0), 1000) >= DMASHM_SLEEPERS / 2);
	kill_child(pid);
}

/* Writers and viewers in turn, for a while: all get on. */
TEST(viewers_and_writers_get_on)
{
	unsigned int reads = 0, writes = 0;
	uint64_t end;
	uint64_t *data;
	pid_t pids[3];
	int n;

	set_up();
	data = (uint64_t *)map_data(dmabuf, MIB);
	for (n = 0; n < 3; n++) {
		pids[n] = start_child();
		if (!pids[n]) {
			int own = join(dmabuf);

			for (;;) {
				/* Those before it were killed, inside or not. */
				if (lock_until(own, DMASHM_NEVER))
					ASSERT_EQ(errno, EOWNERDEAD);
				data[0]++;
				data[1000]++;
				ASSERT_EQ(unlock(own), 0);
			}
		}
	}
	for (end = in_ms(3000); now_ns() < end; reads++) {
		uint64_t a, b;

		ASSERT_EQ(lock_shared_until(viewer, in_ms(SLOW_MS)), 0);
		a = *(volatile uint64_t *)&data[0];
		b = *(volatile uint64_t *)&data[1000];
		if (unlock_shared(viewer) == 0)
			ASSERT_EQ(a, b);
		else
			ASSERT_EQ(errno, ESTALE);
		writes = (unsigned int)a;
	}
	for (n = 0; n < 3; n++)
		kill_child(pids[n]);
	dprintf(1, "# %u times in, %u writes meanwhile\n", reads, writes);
	ASSERT(reads > 50 && writes > 50);
}

/* Reads through the fd are whole, whoever writes. */
TEST(what_it_reads_is_whole)
{
	uint64_t chunk[DMASHM_IO_CHUNK / 8], end;
	size_t i;
	pid_t pid;

	set_up();
	memset(chunk, 0, sizeof(chunk));
	pid = start_child();
	if (!pid) {
		int own = join(dmabuf);
		uint64_t value = 0;

		for (;;) {
			value++;
			for (i = 0; i < DMASHM_IO_CHUNK / 8; i++)
				chunk[i] = value;
			ASSERT_EQ(pwrite(own, chunk, sizeof(chunk), 0), (ssize_t)sizeof(chunk));
		}
	}
	/* At the first of it, on a busy machine, nothing is written yet. */
	for (end = in_ms(2000); now_ns() < end || !chunk[0];) {
		ASSERT_EQ(pread(viewer, chunk, sizeof(chunk), 0), (ssize_t)sizeof(chunk));
		for (i = 1; i < DMASHM_IO_CHUNK / 8; i++)
			ASSERT_EQ(chunk[i], chunk[0]);
	}
	kill_child(pid);
}
