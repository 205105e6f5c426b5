// SPDX-License-Identifier: MIT
/*
 * What the module asks of the kernel is refused, one request after the other: each
 * call then fails with an errno that its description names, or does without; the
 * next call works, and nothing is left behind.
 */
#include <poll.h>
#include <sys/epoll.h>

#include <linux/dma-heap.h>

#include "inject.h"
#include "remains.h"

#define SIZE	(64 * 1024)
#define LARGE	(4 * MIB)
#define MOST	200	/* requests of one call: more means that it never ends */

/* All that a call may need. Each try has its own, in a process of its own. */
struct world {
	int device, dmabuf, view, member, viewer, importer, epoll;
	int pipe[2];
	uint8_t *data, *bytes;
	uint32_t *words;
};

struct operation {
	const char *name;
	/* What must be there before: without faults. */
	void (*prepare)(struct world *w);
	/* One system call. */
	long (*call)(struct world *w);
	int errnos[4];
	int normal;	/* errno that it gives in any case; 0: it succeeds */
};

static void open_nothing(struct world *w)
{
	w->device = open_device();
}

static void open_buffer(struct world *w)
{
	open_nothing(w);
	w->dmabuf = create(SIZE);
}

static void open_world(struct world *w)
{
	open_buffer(w);
	w->member = join(w->dmabuf);
	w->view = export_view(w->dmabuf);
	w->viewer = join(w->view);
	w->words = map_words(w->member);
	w->bytes = malloc(SIZE);
	memset(w->bytes, 1, SIZE);
	ASSERT_EQ(pipe(w->pipe), 0);
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
}

static void open_large(struct world *w)
{
	open_nothing(w);
	w->dmabuf = create(LARGE);
	w->data = mmap(reserve(LARGE, page_size()), LARGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, w->dmabuf, 0);
	ASSERT(w->data != MAP_FAILED);
}

static void attach_world(struct world *w)
{
	open_world(w);
	w->importer = open_importer(w->dmabuf);
}

static void map_device(struct world *w)
{
	uint32_t direction = IMPORTER_BIDIRECTIONAL;

	attach_world(w);
	ASSERT_EQ(ioctl(w->importer, IMPORTER_IOC_MAP, &direction), 0);
}

/* An fd that a call gave is not needed. */
static long closed(int ret, int fd)
{
	if (!ret)
		close(fd);
	return ret;
}

static long create_of(struct world *w, uint64_t size, uint32_t flags)
{
	struct dmashm_create arg = { .size = size, .flags = flags, .fd = -1 };
	int ret = ioctl(w->device, DMASHM_IOC_CREATE, &arg);

	return closed(ret, arg.fd);
}

static long call_create(struct world *w) { return create_of(w, SIZE, 0); }
static long call_create_large(struct world *w) { return create_of(w, LARGE, 0); }

static long call_create_contiguous(struct world *w)
{
	return create_of(w, SIZE, DMASHM_CREATE_CONTIGUOUS);
}

static void open_heap(struct world *w)
{
	w->device = open(DMASHM_HEAP_DEVICE, O_RDONLY | O_CLOEXEC);
	ASSERT(w->device >= 0);
}

static long call_heap(struct world *w)
{
	struct dma_heap_allocation_data arg = { .len = SIZE, .fd_flags = O_RDWR };

	return closed(ioctl(w->device, DMA_HEAP_IOCTL_ALLOC, &arg), (int)arg.fd);
}

static long join_to(int fd, int dmabuf)
{
	struct dmashm_join arg = { .dmabuf_fd = dmabuf };

	return closed(ioctl(fd, DMASHM_IOC_JOIN, &arg), arg.fd);
}

static long call_join(struct world *w) { return join_to(w->device, w->dmabuf); }
static long call_join_again(struct world *w) { return join_to(w->member, -1); }
static long call_join_view(struct world *w) { return join_to(w->viewer, -1); }

static long call_export(struct world *w)
{
	struct dmashm_export arg = { .dmabuf_fd = w->dmabuf, .flags = O_RDWR };

	return closed(ioctl(w->device, DMASHM_IOC_EXPORT, &arg), arg.fd);
}

static long call_export_view(struct world *w)
{
	struct dmashm_export arg = { .dmabuf_fd = -1, .flags = O_RDONLY };

	return closed(ioctl(w->member, DMASHM_IOC_EXPORT, &arg), arg.fd);
}

static long call_info(struct world *w)
{
	struct dmashm_info arg = { .dmabuf_fd = w->dmabuf };

	return ioctl(w->device, DMASHM_IOC_INFO, &arg);
}

static long call_seal(struct world *w)
{
	struct dmashm_seal arg = { 0 };

	return ioctl(w->member, DMASHM_IOC_SEAL, &arg);
}

static long call_wait(struct world *w)
{
	return wait_word(w->member, DMASHM_OFF_EVENT(0), 0, in_ms(2));
}

static long call_wake(struct world *w)
{
	return wake_word(w->member, DMASHM_OFF_EVENT(0), 1);
}

static long call_arm(struct world *w)
{
	struct dmashm_arm arg = { .offset = DMASHM_OFF_EVENT(0) };

	return ioctl(w->member, DMASHM_IOC_ARM, &arg);
}

static long call_lock(struct world *w)
{
	long ret = try_lock(w->member);

	if (!ret)
		store(&w->words[DMASHM_OFF_BARRIER / 4], 0);
	return ret;
}

static long call_lock_shared(struct world *w)
{
	return lock_shared_until(w->member, in_ms(1000));
}

static long call_lease(struct world *w)
{
	return lock_shared_until(w->viewer, in_ms(1000));
}

static void lock_world(struct world *w)
{
	open_world(w);
	ASSERT_EQ(lock_until(w->member, in_ms(1000)), 0);
}

/* Unlocking twice is refused, so the word is set again. */
static long call_unlock(struct world *w)
{
	uint32_t word = load(&w->words[DMASHM_OFF_BARRIER / 4]);
	long ret = unlock(w->member);

	if (!ret)
		store(&w->words[DMASHM_OFF_BARRIER / 4], word);
	return ret;
}

static void died_world(struct world *w)
{
	open_world(w);
	store(&w->words[DMASHM_OFF_BARRIER / 4], DMASHM_DIED);
	ASSERT_ERRNO(lock_until(w->member, in_ms(1000)), EOWNERDEAD);
}

static long call_recover(struct world *w) { return recover(w->member); }

static long sync_part(int member, uint64_t flags)
{
	struct dmashm_sync arg = { .flags = flags, .length = SIZE };

	return ioctl(member, DMASHM_IOC_SYNC, &arg);
}

static long call_sync_start(struct world *w)
{
	return sync_part(w->member, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);
}

static long call_sync_end(struct world *w)
{
	return sync_part(w->member, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
}

static long call_sync_viewer(struct world *w)
{
	return sync_part(w->viewer, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
}

static long call_read(struct world *w) { return pread(w->member, w->bytes, SIZE, 0); }
static long call_write(struct world *w) { return pwrite(w->member, w->bytes, SIZE, 0); }

static long call_splice_out(struct world *w)
{
	loff_t at = 0;
	long n = splice(w->member, &at, w->pipe[1], NULL, SIZE, SPLICE_F_NONBLOCK);

	if (n > 0)
		n = read(w->pipe[0], w->bytes, (size_t)n);
	return n;
}

static void fill_pipe(struct world *w)
{
	open_world(w);
	ASSERT_EQ(write(w->pipe[1], w->bytes, 2 * page_size()), 2 * page_size());
}

static long call_splice_in(struct world *w)
{
	loff_t at = 0;

	return splice(w->pipe[0], NULL, w->member, &at, page_size(), 0);
}

static long call_epoll(struct world *w)
{
	struct epoll_event event = { .events = EPOLLIN };

	epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->member, &event);
	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->member, &event);
}

static long call_fault_large(struct world *w)
{
	return madvise(w->data, LARGE, MADV_POPULATE_READ);
}

static long call_attach(struct world *w)
{
	int fd = open(IMPORTER_DEVICE, O_RDWR | O_CLOEXEC);
	long ret = ioctl(fd, IMPORTER_IOC_OPEN, &w->dmabuf);

	close(fd);
	return ret;
}

static long call_map(struct world *w)
{
	return map_for_device(w->importer, IMPORTER_BIDIRECTIONAL);
}

static long call_vmap(struct world *w) { return ioctl(w->importer, IMPORTER_IOC_VMAP); }

static long read_whole(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[4096];
	long n;

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text));
	close(fd);
	return n;
}

static long call_buffers(struct world *w)
{
	(void)w;
	return read_whole("/sys/kernel/debug/dmashm/buffers");
}

static long call_users(struct world *w)
{
	(void)w;
	return read_whole("/sys/kernel/debug/dmashm/users");
}

struct try {
	bool injected;
	long result;
	int error;
	char site[128];
};

/* In a process that has done nothing yet: its first JOIN is one, too. */
static void try_once(const struct operation *op, unsigned int n, struct try *try)
{
	struct world w = { 0 };
	int log, nth;

	op->prepare(&w);
	log = inject_log();
	nth = inject_begin(n);
	errno = 0;
	try->result = op->call(&w);
	try->error = try->result < 0 ? errno : 0;
	try->injected = inject_end(nth);
	if (try->injected)
		inject_site(log, try->site, sizeof(try->site));
	errno = 0;
	if (op->call(&w) < 0)
		ASSERT_EQ(errno, op->normal);
	else
		ASSERT_EQ(0, op->normal);
}

static bool allowed(const struct operation *op, int error)
{
	size_t i;

	for (i = 0; i < 4; i++)
		if (error == op->errnos[i])
			return true;
	return error == op->normal;
}

/*
 * The kernel names nobody who asked it not to warn. If the call failed it was one of
 * the module's, another each time; else it may have been the kernel's own.
 */
static void note_site(const char *name, unsigned int n, const struct try *try)
{
	int fd = open(INJECT_SITES, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (*try->site)
		dprintf(fd, "%s\n", try->site);
	else if (try->error)
		dprintf(fd, "%s, request %u\n", name, n);
	close(fd);
}

static void inject(const struct operation *op)
{
	struct try *try = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int n;
	pid_t pid;

	for (n = 1; n <= MOST; n++) {
		memset(try, 0, sizeof(*try));
		pid = start_child();
		if (!pid) {
			try_once(op, n, try);
			_exit(0);
		}
		wait_child(pid);
		buffers_are(0);
		if (!try->injected)
			break;
		dprintf(1, "# %s: %s\n", *try->site ? try->site : "unnamed",
			try->error ? strerror(try->error) : "does without");
		note_site(op->name, n, try);
		if (!allowed(op, try->error))
			FAIL("%s: errno %d is not what it may give", op->name, try->error);
	}
	ASSERT(n <= MOST);
	ASSERT_EQ(try->error, op->normal);
	dprintf(1, "# %s: %u requests refused\n", op->name, n - 1);
	munmap(try, page_size());
}

static const struct operation operations[] = {
	{ "create", open_nothing, call_create, { ENOMEM, EFAULT }, 0 },
	{ "create large", open_nothing, call_create_large, { ENOMEM, EFAULT }, 0 },
	{ "create contiguous", open_nothing, call_create_contiguous, { ENOMEM, EFAULT }, 0 },
	{ "heap", open_heap, call_heap, { ENOMEM, EFAULT }, 0 },
	{ "join first", open_buffer, call_join, { ENOMEM, EFAULT }, 0 },
	{ "join again", open_world, call_join_again, { ENOMEM, EFAULT }, 0 },
	{ "join view", open_world, call_join_view, { ENOMEM, EFAULT }, 0 },
	{ "export", open_buffer, call_export, { ENOMEM, EFAULT }, 0 },
	{ "export view by member", open_world, call_export_view, { ENOMEM, EFAULT }, 0 },
	{ "info", open_buffer, call_info, { EFAULT }, 0 },
	{ "seal", open_world, call_seal, { EFAULT }, 0 },
	{ "wait", open_world, call_wait, { EFAULT }, ETIMEDOUT },
	{ "wake", open_world, call_wake, { EFAULT }, 0 },
	{ "arm", open_world, call_arm, { EFAULT }, 0 },
	{ "lock", open_world, call_lock, { EFAULT }, 0 },
	{ "lock shared", open_world, call_lock_shared, { EFAULT }, 0 },
	{ "lease", open_world, call_lease, { EFAULT, ENOMEM }, 0 },
	{ "unlock", lock_world, call_unlock, { EFAULT }, 0 },
	{ "recover after death", died_world, call_recover, { EFAULT }, 0 },
	{ "sync start", map_device, call_sync_start, { EFAULT }, 0 },
	{ "sync end", map_device, call_sync_end, { EFAULT }, 0 },
	{ "sync by viewer", map_device, call_sync_viewer, { EFAULT, ENOMEM }, 0 },
	{ "read member", open_world, call_read, { EFAULT, ENOMEM }, 0 },
	{ "write member", open_world, call_write, { EFAULT, ENOMEM }, 0 },
	{ "splice out", open_world, call_splice_out, { EFAULT, ENOMEM }, 0 },
	{ "splice in", fill_pipe, call_splice_in, { EFAULT, ENOMEM }, 0 },
	{ "epoll", open_world, call_epoll, { ENOMEM }, 0 },
	{ "fault large", open_large, call_fault_large, { ENOMEM }, 0 },
	{ "attach", open_buffer, call_attach, { ENOMEM }, 0 },
	{ "attach with members", open_world, call_attach, { ENOMEM }, 0 },
	{ "map", attach_world, call_map, { ENOMEM }, 0 },
	{ "vmap", attach_world, call_vmap, { ENOMEM }, 0 },
	{ "debugfs buffers", open_world, call_buffers, { ENOMEM }, 0 },
	{ "debugfs users", open_world, call_users, { ENOMEM }, 0 },
};

static void show_sites(void)
{
	ASSERT_EQ(system("sort " INJECT_SITES " | uniq -c | sed 's/^/# /'; echo \"# "
			 "$(sort -u " INJECT_SITES " | wc -l) sites in the module,"
			 " $(wc -l <" INJECT_SITES ") requests refused\""), 0);
	unlink(INJECT_SITES);
}

TEST_LIMIT(whatever_is_refused, 600)
{
	size_t i;

	inject_needs_kernel();
	ASSERT(load_module("dmashm_importer") && load_module("dmashm_tester"));
	inject_select(module_text());
	unlink(INJECT_SITES);
	for (i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		inject(&operations[i]);
	show_sites();
}

/* Without any help of the kernel's: no memory at all, and half of a struct. */
TEST(memory_that_is_not_there)
{
	static const unsigned long of_device[] = {
		DMASHM_IOC_CREATE, DMASHM_IOC_JOIN, DMASHM_IOC_INFO, DMASHM_IOC_EXPORT,
	};
	static const unsigned long of_member[] = {
		DMASHM_IOC_JOIN, DMASHM_IOC_INFO, DMASHM_IOC_EXPORT, DMASHM_IOC_SEAL,
		DMASHM_IOC_WAIT, DMASHM_IOC_WAKE, DMASHM_IOC_LOCK, DMASHM_IOC_UNLOCK,
		DMASHM_IOC_RECOVER, DMASHM_IOC_ARM, DMASHM_IOC_SYNC,
	};
	char *page = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct world w = { 0 };
	size_t i;

	ASSERT(page != MAP_FAILED);
	ASSERT_EQ(munmap(page + page_size(), page_size()), 0);
	open_world(&w);
	for (i = 0; i < sizeof(of_device) / sizeof(*of_device); i++) {
		ASSERT_ERRNO(ioctl(w.device, of_device[i], NULL), EFAULT);
		ASSERT_ERRNO(ioctl(w.device, of_device[i], page + page_size() - 4), EFAULT);
	}
	for (i = 0; i < sizeof(of_member) / sizeof(*of_member); i++) {
		ASSERT_ERRNO(ioctl(w.member, of_member[i], NULL), EFAULT);
		ASSERT_ERRNO(ioctl(w.member, of_member[i], page + page_size() - 4), EFAULT);
	}
	members_are(w.member, 1);
	buffers_are(1);
}
