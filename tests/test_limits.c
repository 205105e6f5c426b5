// SPDX-License-Identifier: MIT
/* Limits of one buffer, of one user and of all; what is in use. */
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "uapi.h"
#include "vgem.h"

#define PARAMETERS "/sys/module/dmashm/parameters/"
#define IN_USE "/sys/class/misc/dmashm/"
#define USERS "/sys/kernel/debug/dmashm/users"
#define USER 1234
#define NO_LIMIT (UINT64_MAX)

static const char *const parameters[] = {
	PARAMETERS "max_buffer_mib", PARAMETERS "max_total_mib",
	PARAMETERS "max_user_mib",
};
static uint64_t original[3];

static uint64_t read_number(const char *path)
{
	unsigned long long number;
	FILE *file = fopen(path, "r");

	ASSERT(file);
	ASSERT_EQ(fscanf(file, "%llu", &number), 1);
	fclose(file);
	return number;
}

static void write_number(const char *path, uint64_t number)
{
	FILE *file = fopen(path, "w");

	ASSERT(file);
	ASSERT(fprintf(file, "%llu\n", (unsigned long long)number) > 0);
	ASSERT_EQ(fclose(file), 0);
}

static void limit(uint64_t buffer, uint64_t total, uint64_t user)
{
	write_number(parameters[0], buffer);
	write_number(parameters[1], total);
	write_number(parameters[2], user);
}

/* The program's own process does both; a test that fails leaves its limits. */
__attribute__((constructor)) static void remember_limits(void)
{
	int i;

	for (i = 0; i < 3; i++)
		original[i] = read_number(parameters[i]);
}

__attribute__((destructor)) static void put_limits_back(void)
{
	limit(original[0], original[1], original[2]);
}

static uint64_t used(void)
{
	return read_number(IN_USE "used_bytes");
}

static void await_used(uint64_t bytes)
{
	int tries;

	for (tries = 0; tries < 500 && used() != bytes; tries++)
		sleep_ms(10);
	ASSERT_EQ(used(), bytes);
}

/* The dma-buf or -1, by a device that is open: any user may be asked. */
static int create_by(int device, uint64_t size)
{
	struct dmashm_create arg = { .size = size, .fd = -1 };

	return ioctl(device, DMASHM_IOC_CREATE, &arg) ? -1 : arg.fd;
}

/* A child with a real user id; goes on there, and must end by _exit(). */
static pid_t start_user(uid_t uid)
{
	pid_t pid = start_child();

	if (!pid)
		ASSERT_EQ(setresuid(uid, uid, uid), 0);
	return pid;
}

/* Room in all, to the next limit that a parameter can state: in bytes. */
static uint64_t leave_room(uint64_t mib)
{
	uint64_t total = used() / MIB + mib;

	limit(NO_LIMIT, total, 0);
	return total * MIB - used();
}

TEST(what_is_in_use_is_by_whole_pages)
{
	uint64_t before = used(), buffers = read_number(IN_USE "buffers");
	int a, b;

	a = create(1);
	ASSERT_EQ(used(), before + page_size());
	b = create(page_size() + 1);
	ASSERT_EQ(used(), before + 3 * page_size());
	ASSERT_EQ(read_number(IN_USE "buffers"), buffers + 2);
	close(a);
	close(b);
	await_used(before);
	ASSERT_EQ(read_number(IN_USE "buffers"), buffers);
}

TEST(anybody_may_read_what_is_in_use)
{
	pid_t pid;

	ASSERT_ERRNO(open(IN_USE "used_bytes", O_WRONLY), EACCES);
	ASSERT_ERRNO(open(IN_USE "buffers", O_WRONLY), EACCES);
	pid = start_user(USER);
	if (!pid) {
		used();
		read_number(IN_USE "buffers");
		ASSERT_ERRNO(open(USERS, O_RDONLY), EACCES);
		_exit(0);
	}
	wait_child(pid);
}

TEST(the_total_is_exact)
{
	uint64_t room = leave_room(5), page = page_size();
	int device = open_device(), fd, last;

	fd = create(room);
	ASSERT_ERRNO(create_by(device, 1), ENOSPC);
	close(fd);
	create(room - 2 * page);
	ASSERT_ERRNO(create_by(device, 3 * page), ENOSPC);
	ASSERT_ERRNO(create_by(device, 2 * page + 1), ENOSPC);
	last = create(page);
	ASSERT_ERRNO(create_by(device, page + 1), ENOSPC);
	create(page);
	ASSERT_ERRNO(create_by(device, 1), ENOSPC);
	close(last);
	create(1);
	ASSERT_ERRNO(create_by(device, 1), ENOSPC);
}

TEST(a_user_has_a_limit_of_his_own)
{
	int device = open_device(), user;
	pid_t pid;

	limit(NO_LIMIT, NO_LIMIT, 3);
	for (user = USER; user < USER + 2; user++) {
		pid = start_user(user);
		if (pid)
			continue;
		ASSERT(create_by(device, 3 * MIB - 2 * page_size()) >= 0);
		ASSERT_ERRNO(create_by(device, 2 * page_size() + 1), EDQUOT);
		ASSERT(create_by(device, page_size()) >= 0);
		user = create_by(device, page_size());
		ASSERT(user >= 0);
		ASSERT_ERRNO(create_by(device, 1), EDQUOT);
		close(user);
		ASSERT(create_by(device, 1) >= 0);
		ASSERT_ERRNO(create_by(device, 1), EDQUOT);
		sleep_ms(500);	/* both have theirs at the same time */
		_exit(0);
	}
	while (wait(&user) > 0)
		ASSERT_EQ(user, 0);
}

/* The real user id counts, and no namespace makes another of it. */
TEST(a_user_cannot_be_somebody_else)
{
	int device = open_device(), map;
	pid_t pid;

	limit(NO_LIMIT, NO_LIMIT, 1);
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(setresuid(USER, 0, 0), 0);
		ASSERT(create_by(device, MIB) >= 0);
		ASSERT_ERRNO(create_by(device, 1), EDQUOT);
		ASSERT_EQ(setresuid(USER, USER, USER), 0);
		ASSERT_ERRNO(create_by(device, 1), EDQUOT);
		/* So that what is in /proc of it is its own again. */
		ASSERT_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
		ASSERT_EQ(unshare(CLONE_NEWUSER), 0);
		ASSERT_ERRNO(create_by(device, 1), EDQUOT);
		map = open("/proc/self/uid_map", O_WRONLY);
		ASSERT_EQ(write(map, "0 1234 1", 8), 8);
		ASSERT_EQ(setresuid(0, 0, 0), 0);
		ASSERT_ERRNO(create_by(device, 1), EDQUOT);
		_exit(0);
	}
	wait_child(pid);
}

/* As for those who have a range of ids to give to others, in containers. */
TEST(who_made_a_namespace_answers_for_its_users)
{
	static const char ids[] = "0 1234 1\n1 200000 9\n";
	int device = open_device(), made[2], mapped[2], map;
	char path[32], byte;
	pid_t pid;

	limit(NO_LIMIT, NO_LIMIT, 1);
	ASSERT(!pipe(made) && !pipe(mapped));
	pid = start_child();
	if (!pid) {
		ASSERT_EQ(setresuid(USER, USER, USER), 0);
		ASSERT_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
		ASSERT(create_by(device, MIB) >= 0);
		ASSERT_EQ(unshare(CLONE_NEWUSER), 0);
		ASSERT_EQ(write(made[1], "", 1), 1);
		ASSERT_EQ(read(mapped[0], &byte, 1), 1);
		ASSERT_EQ(setresuid(1, 1, 1), 0);	/* 200000 to the system */
		ASSERT_ERRNO(create_by(device, 1), EDQUOT);
		_exit(0);
	}
	ASSERT_EQ(read(made[0], &byte, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	map = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_EQ(write(map, ids, sizeof(ids) - 1), sizeof(ids) - 1);
	close(map);
	ASSERT_EQ(write(mapped[1], "", 1), 1);
	wait_child(pid);
}

/* Who made it answers for it, though he is gone and somebody else has it. */
TEST(a_buffer_counts_for_who_made_it)
{
	int device = open_device(), ends[2], got, again, fd;
	pid_t pid;

	limit(NO_LIMIT, NO_LIMIT, 1);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid = start_user(USER);
	if (!pid) {
		fd = create_by(device, MIB);
		ASSERT(fd >= 0);
		send_fds(ends[1], fd, fd);
		_exit(0);
	}
	receive_fds(ends[0], &got, &again);
	close(again);
	wait_child(pid);
	create(MIB);	/* ours is another */
	pid = start_user(USER);
	if (!pid) {
		ASSERT_ERRNO(create_by(device, 1), EDQUOT);
		close(got);
		_exit(0);
	}
	wait_child(pid);
	close(got);
	pid = start_user(USER);
	if (!pid)
		_exit(create_by(device, MIB) < 0);
	wait_child(pid);
}

TEST(what_is_refused_first)
{
	int device = open_device();
	uint64_t total = used() / MIB + 2;

	limit(4, total, 1);
	ASSERT_ERRNO(create_by(device, 4 * MIB + 1), EFBIG);
	ASSERT_ERRNO(create_by(device, 4 * MIB), EDQUOT);
	limit(4, total, 8);
	ASSERT_ERRNO(create_by(device, 4 * MIB), ENOSPC);
	ASSERT_ERRNO(create_by(device, 0), EINVAL);
}

TEST(lowering_a_limit_takes_nothing_away)
{
	int device = open_device(), fd;
	uint8_t *data;

	limit(NO_LIMIT, NO_LIMIT, 0);
	fd = create(4 * MIB);
	limit(1, NO_LIMIT, 0);
	ASSERT_ERRNO(create_by(device, MIB + 1), EFBIG);
	limit(NO_LIMIT, 1, 0);
	ASSERT_ERRNO(create_by(device, 1), ENOSPC);
	limit(NO_LIMIT, 0, 0);
	ASSERT_ERRNO(create_by(device, 1), ENOSPC);
	limit(NO_LIMIT, NO_LIMIT, 1);
	ASSERT_ERRNO(create_by(device, 1), EDQUOT);
	data = map_data(fd, 4 * MIB);
	data[4 * MIB - 1] = 1;
	ASSERT_EQ(join(fd) >= 0, 1);
	limit(NO_LIMIT, NO_LIMIT, 0);
	ASSERT(create_by(device, 1) >= 0);
}

TEST(no_limit_overflows)
{
	static const uint64_t mib[] = {
		NO_LIMIT, NO_LIMIT >> 8, (NO_LIMIT >> 8) + 1, NO_LIMIT >> 12,
		(NO_LIMIT >> 12) + 1, 1ull << 63, 1ull << 44,
	};
	int device = open_device();
	size_t i;

	for (i = 0; i < sizeof(mib) / sizeof(mib[0]); i++) {
		limit(mib[i], mib[i], mib[i]);
		close(create(MIB));
		ASSERT_ERRNO(create_by(device, UINT64_MAX), EFBIG);
	}
	limit(1ull << 43, 1, 1ull << 43);
	ASSERT_ERRNO(create_by(device, 1ull << 42), ENOSPC);
}

#define CREATORS 6

/* As many as fit, of different sizes; then says so and keeps them. */
static void create_all(int device, int done)
{
	uint64_t size = 16 * page_size();
	char byte = 0;

	for (; size >= page_size(); size /= 2) {
		while (create_by(device, size) >= 0)
			;
		ASSERT_EQ(errno, ENOSPC);
	}
	ASSERT_EQ(write(done, &byte, 1), 1);
	pause();
}

TEST(many_at_once_never_get_past_it)
{
	uint64_t room = leave_room(4), full = used() + room;
	int device = open_device(), done[2], ended = 0, i;
	struct rlimit files = { 4096, 4096 };
	pid_t pids[CREATORS];
	char bytes[CREATORS];

	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	ASSERT_EQ(pipe2(done, O_NONBLOCK), 0);
	for (i = 0; i < CREATORS; i++) {
		pids[i] = start_child();
		if (!pids[i])
			create_all(device, done[1]);
	}
	while (ended < CREATORS) {
		ssize_t n = read(done[0], bytes, sizeof(bytes));

		ASSERT(used() <= full);
		ended += n > 0 ? (int)n : 0;
	}
	ASSERT_EQ(used(), full);
	for (i = 0; i < CREATORS; i++)
		kill_child(pids[i]);
	await_used(full - room);
}

/* For the last room there is, again and again: never do two get it. */
TEST(the_last_room_is_one_buffers)
{
	uint64_t room = leave_room(1), full = used() + room, until;
	int device = open_device(), i, had = 0;
	pid_t pids[CREATORS];

	create(room - page_size());
	until = in_ms(4000);
	for (i = 0; i < CREATORS; i++) {
		pids[i] = start_child();
		if (pids[i])
			continue;
		while (now_ns() < until || !had) {
			int fd = create_by(device, page_size());

			ASSERT(used() <= full);
			if (fd < 0)
				ASSERT_EQ(errno, ENOSPC);
			had += fd >= 0;
			close(fd);
		}
		_exit(0);
	}
	for (i = 0; i < CREATORS; i++)
		wait_child(pids[i]);
	ASSERT_EQ(used(), full - page_size());
}

TEST(it_is_given_back_with_the_last_of_it)
{
	uint64_t before = used(), page = page_size();
	int fd, other, member, vgem = open_vgem();
	uint32_t handle;
	uint8_t *data;

	fd = create(page);
	other = dup(fd);
	member = join(fd);
	data = map_data(fd, page);
	ASSERT_EQ(drmPrimeFDToHandle(vgem, fd, &handle), 0);
	ASSERT_EQ(used(), before + page);
	close(fd);
	close(other);
	ASSERT_EQ(used(), before + page);
	close(member);
	ASSERT_EQ(used(), before + page);
	munmap(data, page);
	ASSERT_EQ(used(), before + page);
	ASSERT_EQ(drmCloseBufferHandle(vgem, handle), 0);
	await_used(before);

	fd = create(page);
	data = map_data(fd, page);
	close(fd);
	ASSERT_EQ(used(), before + page);
	munmap(data, page);
	await_used(before);

	fd = create(page);
	member = join(fd);
	close(fd);
	ASSERT_EQ(used(), before + page);
	close(member);
	await_used(before);
}

TEST(what_fails_uses_nothing)
{
	uint64_t before = used(), buffers = read_number(IN_USE "buffers");
	struct rlimit files = { 0, 0 }, old;
	struct dmashm_create *locked;
	int device = open_device(), i;

	limit(NO_LIMIT, NO_LIMIT, 0);
	/* There is memory for no such thing. */
	for (i = 0; i < 20; i++)
		ASSERT_ERRNO(create_by(device, 1ull << 42), ENOMEM);
	/* The result cannot be written. */
	locked = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	locked->size = MIB;
	ASSERT_EQ(mprotect(locked, page_size(), PROT_READ), 0);
	for (i = 0; i < 20; i++)
		ASSERT_ERRNO(ioctl(device, DMASHM_IOC_CREATE, locked), EFAULT);
	/* No fd is left. */
	ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	files.rlim_max = old.rlim_max;
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	for (i = 0; i < 20; i++)
		ASSERT_ERRNO(create_by(device, MIB), EMFILE);
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
	await_used(before);
	ASSERT_EQ(read_number(IN_USE "buffers"), buffers);
}

TEST(who_is_killed_uses_nothing)
{
	uint64_t before = used();
	int device = open_device(), i;
	pid_t pid;

	limit(NO_LIMIT, NO_LIMIT, 0);
	for (i = 0; i < 20; i++) {
		pid = start_child();
		if (!pid) {
			for (;;)
				close(create_by(device, 128 * MIB));
		}
		sleep_ms(5 + 7 * i);
		kill_child(pid);
		await_used(before);
	}
}

static bool users_show(const char *want)
{
	static char text[65536];
	FILE *file = fopen(USERS, "r");

	ASSERT(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return strstr(text, want);
}

TEST(a_user_is_known_while_he_has_something)
{
	int device = open_device(), done[2];
	pid_t pid;
	char byte;

	limit(NO_LIMIT, NO_LIMIT, 0);
	ASSERT(!users_show("uid 1234 "));
	ASSERT_EQ(pipe(done), 0);
	pid = start_user(USER);
	if (!pid) {
		ASSERT(create_by(device, MIB) >= 0);
		ASSERT(create_by(device, MIB) >= 0);
		ASSERT_EQ(write(done[1], "", 1), 1);
		pause();
	}
	ASSERT_EQ(read(done[0], &byte, 1), 1);
	ASSERT(users_show("uid 1234 buffers 2 bytes 2097152\n"));
	kill_child(pid);
	sleep_ms(100);
	ASSERT(!users_show("uid 1234 "));
}
