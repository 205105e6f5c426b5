// SPDX-License-Identifier: MIT
/* What runs out: file descriptors, of a process and of the machine; memory. */
#include <inttypes.h>
#include <sys/stat.h>

#include "memory.h"
#include "remains.h"

#define USER	1000	/* not root, who may have more than there is */
#define MANY	10000

static void limit_fds(rlim_t most)
{
	struct rlimit limit = { most, most };

	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Each call that gives an fd. -1 and errno, or the fd. */
static int create_one(int device)
{
	struct dmashm_create arg = { .size = 1 };

	return ioctl(device, DMASHM_IOC_CREATE, &arg) ? -1 : arg.fd;
}

static int join_one(int device, int dmabuf)
{
	struct dmashm_join arg = { .dmabuf_fd = dmabuf };

	return ioctl(device, DMASHM_IOC_JOIN, &arg) ? -1 : arg.fd;
}

static int export_one(int device, int dmabuf)
{
	struct dmashm_export arg = { .dmabuf_fd = dmabuf, .flags = O_RDONLY };

	return ioctl(device, DMASHM_IOC_EXPORT, &arg) ? -1 : arg.fd;
}

static void all_are_refused(int device, int dmabuf, int expected)
{
	ASSERT_ERRNO(create_one(device), expected);
	ASSERT_ERRNO(join_one(device, dmabuf), expected);
	ASSERT_ERRNO(export_one(device, dmabuf), expected);
}

TEST(a_process_without_a_free_fd)
{
	int device = open_device(), dmabuf = create(1), member = join(dmabuf);
	struct rlimit old;

	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit_fds((rlim_t)member + 1);
	while (dup(device) >= 0)	/* what is free below it */
		;
	all_are_refused(device, dmabuf, EMFILE);
	limit_fds(old.rlim_cur);
	members_are(member, 1);
	buffers_are(1);
	close(export_one(device, dmabuf));
	members_are(member, 1);
	buffers_are(1);
}

/* Files that the machine has open. */
static long files(void)
{
	FILE *file = fopen("/proc/sys/fs/file-nr", "re");
	long n;

	ASSERT(file);
	ASSERT_EQ(fscanf(file, "%ld", &n), 1);
	fclose(file);
	return n;
}

static void set_most_files(long most)
{
	char value[32];

	snprintf(value, sizeof(value), "%ld", most);
	set_value("/proc/sys/fs/file-max", value);
}

TEST(a_machine_without_a_free_file)
{
	int device = open_device(), dmabuf = create(1), go[2], status;
	long most = proc_value("/proc/sys/fs/file-max", "");
	char byte;
	pid_t pid;

	ASSERT_EQ(pipe(go), 0);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(setresuid(USER, USER, USER), 0);
		ASSERT_EQ(read(go[0], &byte, 1), 1);
		all_are_refused(device, dmabuf, ENFILE);
		_exit(0);
	}
	set_most_files(files() / 2);
	ASSERT_EQ(write(go[1], "", 1), 1);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	set_most_files(most);	/* first of all: others need files */
	ASSERT_EQ(status, 0);
	buffers_are(1);
	close(join(dmabuf));
}

/* The counters that root reads show each of them while it is there. */
TEST_LIMIT(ten_thousand_buffers, 300)
{
	int device = open_device(), *fds = calloc(MANY, sizeof(*fds)), many, round, i;
	long before = 0;

	many = ktap_rounds(MANY);
	limit_fds(MANY + 64);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < many; i++) {
			fds[i] = create_one(device);
			ASSERT(fds[i] >= 0);
		}
		buffers_are(many);
		for (i = 0; i < many; i++)
			close(fds[i]);
		buffers_are(0);
		if (!round)
			before = free_kib();
	}
	/* One page of each would be 40,000. */
	ASSERT(before - free_kib() < 8192);
}

static void set_limits(char (*old)[32], bool restore)
{
	static const char *const names[] = { "max_buffer_mib", "max_total_mib", "max_user_mib" };
	size_t i;

	for (i = 0; i < 3; i++) {
		if (!restore)
			snprintf(old[i], sizeof(old[i]), "%ld", parameter(names[i]));
		set_parameter(names[i], restore ? old[i] : "1048576");
	}
}

/*
 * Of all the memory that there is, in halves of what is left: the largest that can
 * be had works in every page, and when it goes all is back.
 */
TEST_LIMIT(as_large_as_the_machine_allows, 400)
{
	long before = free_kib();
	size_t size = (size_t)before * 1024 / MIB * MIB, i;
	struct dmashm_create arg = { .name = "huge" };
	int device = open_device(), ret, importer;
	char old[3][32];
	uint8_t *data;

	set_limits(old, false);
	do {
		arg.size = size;
		ret = ioctl(device, DMASHM_IOC_CREATE, &arg);
		size -= size / 8;
	} while (ret && errno == ENOMEM && size > 64 * MIB);
	set_limits(old, true);
	ASSERT_EQ(ret, 0);
	dprintf(1, "# %" PRIu64 " MiB of %ld free\n", (uint64_t)arg.size / MIB, before / 1024);
	ASSERT(arg.size > (uint64_t)before * 1024 / 2);
	data = map_data(arg.fd, arg.size);
	for (i = 0; i < arg.size; i += page_size()) {
		ASSERT_EQ(data[i], 0);
		data[i] = (uint8_t)(i >> 12);
	}
	importer = open_importer(arg.fd);
	ASSERT(map_for_device(importer, IMPORTER_BIDIRECTIONAL) >= 0);
	ASSERT_EQ(data[arg.size - page_size()], (uint8_t)((arg.size - page_size()) >> 12));
	close(importer);
	munmap(data, arg.size);
	close(arg.fd);
	buffers_are(0);
	ASSERT(free_kib() > before - 16384);
}

#define GROUP		"/sys/fs/cgroup/dmashm_exhaust"
#define GROUP_MIB	64

static size_t left_in_group(void)
{
	return GROUP_MIB * MIB - (size_t)proc_value(GROUP "/memory.current", "");
}

/*
 * Of what is left, half and half again is had, and more than all of it is refused.
 * Something remains for files: for their sake the kernel kills, whoever opens them.
 */
static void fill_group(int device)
{
	int fds[64], n = 0;
	size_t left;

	while ((left = left_in_group()) > 2 * MIB) {
		struct dmashm_create most = { .size = left + MIB };
		struct dmashm_create half = { .size = left / 2 };

		ASSERT_ERRNO(ioctl(device, DMASHM_IOC_CREATE, &most), ENOMEM);
		ASSERT_EQ(ioctl(device, DMASHM_IOC_CREATE, &half), 0);
		ASSERT(n < 64);
		fds[n++] = half.fd;
	}
	ASSERT(n >= 3);
	while (n)
		close(fds[--n]);
}

/*
 * In a group that has little: each page that a process takes by itself is one less
 * for buffers, which are refused and never cost a life.
 */
TEST_LIMIT(a_group_without_memory, 120)
{
	int device = open_device(), status;
	char value[32];
	pid_t pid;

	set_value("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	ASSERT_EQ(mkdir(GROUP, 0755), 0);
	snprintf(value, sizeof(value), "%zu", GROUP_MIB * MIB);
	set_value(GROUP "/memory.max", value);
	pid = start_child();
	if (!pid) {
		int round;

		set_value(GROUP "/cgroup.procs", "0");
		ASSERT(mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			    MAP_ANONYMOUS | MAP_POPULATE, -1, 0) != MAP_FAILED);
		for (round = 0; round < 8; round++)
			fill_group(device);
		close(create(16 * MIB));
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_EQ(status, 0);
	ASSERT_EQ(proc_value(GROUP "/memory.events", "oom_kill "), 0);
	buffers_are(0);
	ASSERT_EQ(rmdir(GROUP), 0);
}
