/* SPDX-License-Identifier: MIT */
/* The disk that tests may write to: tests/vm/guest --disk gives a guest one. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <glob.h>

#include "uapi.h"

#define SCRATCH_SERIAL	"dmashm-scratch"

/* Goes by the serial number alone: any other disk is somebody's. */
static inline int open_scratch(int flags)
{
	char serial[64], path[80];
	int fd = -1;
	glob_t found;
	size_t i;

	if (system("modprobe -q virtio_pci; modprobe -q virtio_blk"))
		SKIP("this machine has no virtio_blk");
	if (glob("/sys/block/vd*/serial", 0, NULL, &found))
		SKIP("there is no disk to write to (tests/vm/guest --disk)");
	for (i = 0; i < found.gl_pathc && fd < 0; i++) {
		FILE *file = fopen(found.gl_pathv[i], "r");

		ASSERT(file);
		if (fgets(serial, sizeof(serial), file) &&
		    !strncmp(serial, SCRATCH_SERIAL, strlen(SCRATCH_SERIAL))) {
			ASSERT_EQ(sscanf(found.gl_pathv[i], "/sys/block/%31[^/]", serial), 1);
			snprintf(path, sizeof(path), "/dev/%s", serial);
			fd = open(path, flags | O_CLOEXEC);
			ASSERT(fd >= 0);
		}
		fclose(file);
	}
	globfree(&found);
	if (fd < 0)
		SKIP("there is no disk to write to (tests/vm/guest --disk)");
	return fd;
}

#endif /* TESTS_SCRATCH_H */
