// SPDX-License-Identifier: MIT
/*
 * What is asked for while the module is loaded is refused, one request after the
 * other: it is not loaded then, and nothing of it is left, or it does without.
 */
#include <sys/syscall.h>

#include "inject.h"
#include "remains.h"

#define MOST	1000	/* requests: more means that it never ends */

static void unload(const char *name)
{
	ASSERT(!syscall(SYS_delete_module, name, O_NONBLOCK) || errno == ENOENT);
}

static int load_dmashm(void)
{
	char path[512];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/dmashm.ko", getenv("DMASHM_MODULES"));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT(fd >= 0);
	ret = (int)syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return ret;
}

static void nothing_is_there(void)
{
	static const char *const names[] = {
		"/sys/module/dmashm", "/dev/dmashm", DMASHM_HEAP_DEVICE,
		"/sys/kernel/debug/dmashm",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!access(names[i], F_OK))
			FAIL("%s is there", names[i]);
}

/* The device and the heap are. */
static void it_works(void)
{
	int fd = create(page_size());

	close(fd);
	ASSERT(!access(DMASHM_HEAP_DEVICE, F_OK));
}

/* It does: then there may be one, if it does not, there is none. */
static bool says_there_is_a_heap(void)
{
	char path[PARAMETER_PATH], value = 0;
	int fd = open(parameter_path(path, "heap"), O_RDONLY | O_CLOEXEC);

	ASSERT(fd >= 0);
	ASSERT_EQ(read(fd, &value, 1), 1);
	close(fd);
	ASSERT(value == 'Y' || access(DMASHM_HEAP_DEVICE, F_OK));
	return value == 'Y';
}

static int refused, without_heap;

/* False: there were fewer requests. */
static bool load_without(int n)
{
	int nth = inject_begin((unsigned int)n), ret = load_dmashm(), error = errno;

	if (!inject_end(nth)) {
		ASSERT_EQ(ret, 0);
		return false;
	}
	/* The kernel does without a device's file, so that does not tell. */
	if (!ret) {
		without_heap += !says_there_is_a_heap();
		unload("dmashm");
	} else {
		ASSERT_EQ(error, ENOMEM);
		refused++;
	}
	nothing_is_there();
	return true;
}

static void unload_all(void)
{
	unload("dmashm_tester");
	unload("dmashm_sampler");
	unload("dmashm_monitor");
	unload("dmashm");
	nothing_is_there();
}

TEST(unloading_leaves_nothing)
{
	unload_all();
	ASSERT_EQ(load_dmashm(), 0);
	it_works();
}

TEST_LIMIT(loading_fails_as_a_whole, 300)
{
	int every = (int)ktap_every(), n = 1 + (int)(now_ns() % (uint64_t)every);

	inject_needs_kernel();
	unload_all();
	/* What calls a module's function of that name. */
	inject_select(function_text("do_one_initcall"));
	while (n < MOST && load_without(n))
		n += every;
	dprintf(1, "# of %d requests one in %d was refused; %d were not to be done without, %d were the heap's\n",
		n - 1, every, refused, without_heap);
	ASSERT(n < MOST && refused && (without_heap || every > 1));
	it_works();
}
