// SPDX-License-Identifier: MIT
/* The kernel's ways to shared memory, each at its shortest. */
#include "exporter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/dmashm.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "die.h"
#include "vgem.h"

#define HEAP	"/dev/dma_heap/system"
#define UDMABUF	"/dev/udmabuf"
#define HUGEPAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

#define SMALL	((size_t)4096)
#define HUGE	((size_t)2 << 20)

static int dmashm, heap, udmabuf;

static int open_device(const char *path)
{
	return open(path, O_RDWR | O_CLOEXEC);
}

static int create_dmashm(size_t size)
{
	struct dmashm_create arg = { .size = size };

	return ioctl(dmashm, DMASHM_IOC_CREATE, &arg) < 0 ? -1 : arg.fd;
}

static int create_heap(size_t size)
{
	struct dma_heap_allocation_data arg = {
		.len = size,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};

	return ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &arg) < 0 ? -1 : (int)arg.fd;
}

static int create_memfd_with(size_t size, unsigned int flags)
{
	int fd = memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

	if (fd >= 0 && ftruncate(fd, (off_t)size) < 0)
		return -1;
	return fd;
}

static int create_memfd(size_t size)
{
	return create_memfd_with(size, 0);
}

static int create_memfd_huge(size_t size)
{
	return create_memfd_with(size, MFD_HUGETLB | MFD_HUGE_2MB);
}

static int create_udmabuf_over(int memfd, size_t size)
{
	struct udmabuf_create arg = {
		.memfd = (uint32_t)memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = size,
	};
	int fd;

	if (memfd < 0 || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
		return -1;
	fd = ioctl(udmabuf, UDMABUF_CREATE, &arg);
	close(memfd);
	return fd;
}

static int create_udmabuf(size_t size)
{
	return create_udmabuf_over(create_memfd(size), size);
}

static int create_udmabuf_huge(size_t size)
{
	return create_udmabuf_over(create_memfd_huge(size), size);
}

#define HEAP_AS(role, name) \
	{ role, name, HEAP, true, false, SMALL, create_heap }

const struct exporter exporters[] = {
	{ OURS, "dmashm", DMASHM_DEVICE, true, false, SMALL, create_dmashm },
	/* Its handles are members of the barrier, too. */
	{ OURS, "dmashm, library", DMASHM_DEVICE, true, true, SMALL, NULL },
	HEAP_AS(PEER, "system heap"),
	{ PEER, "udmabuf", UDMABUF, true, false, SMALL, create_udmabuf },
	{ PEER, "udmabuf, hugetlb", UDMABUF, true, false, HUGE,
	  create_udmabuf_huge },
	{ PEER, "vgem", VGEM_CARD, true, false, SMALL, vgem_create },
	{ REFERENCE, "memfd", "/proc/self", false, false, SMALL, create_memfd },
	{ REFERENCE, "memfd, hugetlb", HUGEPAGES, false, false, HUGE,
	  create_memfd_huge },
	HEAP_AS(CONTROL, "system heap, again"),
	{ 0 }
};

const char *exporter_open(const struct exporter *exporter)
{
	int *device = NULL;

	if (exporter->create == create_dmashm)
		device = &dmashm;
	else if (exporter->create == create_heap)
		device = &heap;
	else if (!strcmp(exporter->device, UDMABUF))
		device = &udmabuf;
	if (access(exporter->device, F_OK))
		return strerror(errno);
	if (device && !*device) {
		*device = open_device(exporter->device);
		if (*device < 0)
			return strerror(errno);
	}
	return NULL;
}

/* Where whole pages of 2 MiB fit in: one for all, at which they could be mapped. */
static void *address(size_t size)
{
	static char *found;
	const size_t room = (size_t)4 << 30;

	if (size < HUGE)
		return NULL;
	if (!found) {
		found = mmap(NULL, room, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (found == MAP_FAILED)
			die("no address space");
		munmap(found, room);
		found = (char *)(((uintptr_t)found + room / 2) & ~(HUGE - 1));
	}
	return found;
}

static size_t mapped_size(const struct piece *piece)
{
	size_t page = piece->exporter->page;

	return (piece->size + page - 1) & ~(page - 1);
}

void piece_create(struct piece *piece, const struct exporter *exporter,
		  size_t size)
{
	int err = 0;

	piece->exporter = exporter;
	piece->size = size;
	if (exporter->by_library) {
		err = dmashm_create(size, NULL, 0, &piece->handle);
	} else {
		piece->fd = exporter->create(mapped_size(piece));
		if (piece->fd < 0)
			err = -errno;
	}
	if (err)
		die("%s: no %zu bytes: %s", exporter->name, size, strerror(-err));
}

void piece_map(struct piece *piece, int prot)
{
	size_t size = mapped_size(piece);
	void *at = address(size);

	if (!piece->exporter->by_library)
		at = mmap(at, size, prot,
			  MAP_SHARED | (at ? MAP_FIXED_NOREPLACE : 0),
			  piece->fd, 0);
	else if (dmashm_map(piece->handle, prot, &at))
		at = MAP_FAILED;
	if (at == MAP_FAILED)
		die("%s: mmap of %zu bytes failed: %s", piece->exporter->name,
		    piece->size, strerror(errno));
	piece->at = at;
}

void piece_unmap(struct piece *piece)
{
	if (piece->exporter->by_library)
		dmashm_unmap(piece->handle, piece->at);
	else
		munmap(piece->at, mapped_size(piece));
}

void piece_close(struct piece *piece)
{
	if (piece->exporter->by_library)
		dmashm_close(piece->handle);
	else
		close(piece->fd);
}

union one_fd {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int))];
};

void piece_send(struct piece *piece, int socket)
{
	union one_fd control = { .align = {
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(int)),
	} };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	bool sent;

	if (piece->exporter->by_library) {
		sent = !dmashm_send(piece->handle, socket);
	} else {
		memcpy(CMSG_DATA(&control.align), &piece->fd, sizeof(int));
		sent = sendmsg(socket, &msg, 0) == 1;
	}
	if (!sent)
		die("%s: the fd could not be sent", piece->exporter->name);
}

void piece_receive(struct piece *piece, const struct exporter *exporter,
		   size_t size, int socket)
{
	union one_fd control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	bool came;

	piece->exporter = exporter;
	piece->size = size;
	if (exporter->by_library) {
		came = !dmashm_receive(socket, &piece->handle);
	} else {
		came = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) == 1 &&
		       control.align.cmsg_type == SCM_RIGHTS;
		memcpy(&piece->fd, CMSG_DATA(&control.align), sizeof(int));
	}
	if (!came)
		die("%s: no fd came", exporter->name);
}

void piece_write(struct piece *piece)
{
	size_t n;

	for (n = 0; n < piece->size; n += SMALL)
		*(volatile char *)(piece->at + n) = 1;
}

void piece_read(struct piece *piece)
{
	size_t n;

	for (n = 0; n < piece->size; n += SMALL)
		(void)*(volatile char *)(piece->at + n);
}
