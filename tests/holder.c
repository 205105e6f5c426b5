// SPDX-License-Identifier: MIT
/* For tests in shell: keeps a buffer alive, or fails to make one. */
#define main __attribute__((unused)) ktap_main
#include "uapi.h"
#undef main
#include <sys/prctl.h>

/* One in the barrier, one that waits for it, one asleep on a word. */
static void keep_waiting(int fd)
{
	int member = join(fd), n;

	map_data(fd, page_size());
	ASSERT_EQ(try_lock(member), 0);
	for (n = 0; n < 2; n++) {
		if (start_child())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		member = join_by(member, NULL);
		if (n)
			lock_until(member, DMASHM_NEVER);
		else
			wait_word(member, DMASHM_OFF_EVENT(0), 0, DMASHM_NEVER);
		_exit(0);
	}
}

static void keep(const char *what, int fd)
{
	size_t page = page_size();
	int member, ends[2];
	struct iovec iov;

	if (!strcmp(what, "dmabuf"))
		return;
	if (!strcmp(what, "heap")) {
		ASSERT(open(DMASHM_HEAP_DEVICE, O_RDONLY) >= 0);
	} else if (!strcmp(what, "member")) {
		join(fd);
	} else if (!strcmp(what, "mapping")) {
		map_data(fd, page)[0] = 1;
	} else if (!strcmp(what, "words")) {
		member = join(fd);
		load(map_words(member));
		close(member);
	} else if (!strcmp(what, "pipe")) {
		iov.iov_base = map_data(fd, page);
		iov.iov_len = 5;
		ASSERT_EQ(pipe(ends), 0);
		ASSERT_EQ(vmsplice(ends[1], &iov, 1, 0), 5);
		munmap(iov.iov_base, page);
	}
	if (!strcmp(what, "waiting"))
		keep_waiting(fd);
	close(fd);
}

/* Create a buffer, once a line came in: it must fail with this errno. */
static int fails(const char *size, const char *expected)
{
	struct dmashm_create arg = { .size = strtoull(size, NULL, 0) };
	int device = open_device();

	getchar();
	ASSERT_ERRNO(ioctl(device, DMASHM_IOC_CREATE, &arg), atoi(expected));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "fails"))
		return fails(argv[2], argv[3]);
	if (argc == 3 && !strcmp(argv[1], "create"))
		create(strtoull(argv[2], NULL, 0));
	else if (argc == 2)
		keep(argv[1], create(page_size()));
	else
		return 2;
	if (printf("holding\n") < 0 || fflush(stdout))
		return 1;
	for (;;)
		pause();
}
