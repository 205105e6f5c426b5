// SPDX-License-Identifier: MIT
/* Keeps a buffer alive by one thing only, until it is killed (test_module.sh). */
#define main __attribute__((unused)) ktap_main
#include "uapi.h"
#undef main

static void keep(const char *what, int fd)
{
	size_t page = page_size();
	int member, ends[2];
	struct iovec iov;

	if (!strcmp(what, "dmabuf"))
		return;
	if (!strcmp(what, "member")) {
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
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	keep(argv[1], create(page_size()));
	if (printf("holding\n") < 0 || fflush(stdout))
		return 1;
	for (;;)
		pause();
}
