/* SPDX-License-Identifier: MIT */
/*
 * Faults on purpose: the n-th allocation, or copy from or to user space, that the
 * module asks the kernel for in one system call fails. For kernels that have fault
 * injection (Documentation/fault-injection/), with stack traces to select by.
 */
#ifndef TESTS_INJECT_H
#define TESTS_INJECT_H

#include "memory.h"

#define INJECT_DEBUGFS	"/sys/kernel/debug"
#define INJECT_SITES	"/tmp/dmashm-inject-sites"	/* a line each, with repeats */

/* Addresses of code: [start, end). */
struct text {
	unsigned long start, end;
};

/* Of the module. */
static inline struct text module_text(void)
{
	FILE *symbols = popen("grep -F '[dmashm]' /proc/kallsyms", "re");
	struct text text = { ~0ul, 0 };
	unsigned long address;
	char line[512], kind;

	ASSERT(symbols);
	while (fgets(line, sizeof(line), symbols)) {
		if (sscanf(line, "%lx %c", &address, &kind) != 2 ||
		    (kind != 't' && kind != 'T'))
			continue;
		if (address < text.start)
			text.start = address;
		if (address >= text.end)
			text.end = address + 1;	/* the last is small, and asks for nothing */
	}
	pclose(symbols);
	ASSERT(text.start < text.end);
	return text;
}

/* Of a function of the kernel's. */
static inline struct text function_text(const char *function)
{
	struct text text = { 0, ~0ul };
	unsigned long address;
	char line[512], name[256];
	FILE *symbols;
	int round;

	for (round = 0; round < 2; round++) {
		symbols = fopen("/proc/kallsyms", "re");
		ASSERT(symbols);
		while (fgets(line, sizeof(line), symbols)) {
			if (sscanf(line, "%lx %*c %255s", &address, name) != 2)
				continue;
			if (!round && !strcmp(name, function))
				text.start = address;
			if (round && address > text.start && address < text.end)
				text.end = address;
		}
		fclose(symbols);
		ASSERT(text.start);
	}
	return text;
}

static inline void inject_set(const char *kind, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), INJECT_DEBUGFS "/%s/%s", kind, name);
	set_value(path, value);
}

static inline void inject_needs_kernel(void)
{
	if (access(INJECT_DEBUGFS "/failslab/require-start", F_OK))
		SKIP("this kernel injects no faults");
}

/* Let only what is asked for from there, or by what is called from there, fail. */
static inline void inject_select(struct text text)
{
	static const char *const kinds[] = {
		"failslab", "fail_page_alloc", "fail_usercopy",
	};
	char start[32], end[32];
	size_t i;

	snprintf(start, sizeof(start), "%#lx", text.start);
	snprintf(end, sizeof(end), "%#lx", text.end);
	for (i = 0; i < 3; i++) {
		inject_set(kinds[i], "require-start", start);
		inject_set(kinds[i], "require-end", end);
		inject_set(kinds[i], "stacktrace-depth", "32");
		inject_set(kinds[i], "verbose", "2");
	}
	inject_set("failslab", "ignore-gfp-wait", "N");
	inject_set("fail_page_alloc", "ignore-gfp-wait", "N");
	inject_set("fail_page_alloc", "ignore-gfp-highmem", "N");
	inject_set("fail_page_alloc", "min-order", "0");
}

/* The n-th request from now on fails, in this thread; the fd is for inject_end(). */
static inline int inject_begin(unsigned int n)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	char value[16];
	int length = snprintf(value, sizeof(value), "%u", n);

	ASSERT(fd >= 0);
	ASSERT_EQ(write(fd, value, (size_t)length), length);
	return fd;
}

/* Whether it has failed; if not, there were fewer. */
static inline bool inject_end(int fd)
{
	char value[16] = "";

	ASSERT(pread(fd, value, sizeof(value) - 1, 0) > 0);
	ASSERT_EQ(pwrite(fd, "0", 1, 0), 1);
	close(fd);
	return atoi(value) == 0;
}

/* The kernel's log, from here on. */
static inline int inject_log(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	ASSERT(log >= 0);
	lseek(log, 0, SEEK_END);
	return log;
}

/*
 * Which of the module's functions asked for what failed, as function+offset: the
 * innermost of them in the trace that the kernel logged. Empty if there is none.
 */
static inline void inject_site(int log, char *site, size_t size)
{
	char record[2048], *text, *name, *end;
	bool tracing = false;
	ssize_t n;

	site[0] = '\0';
	while ((n = read(log, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		record[n > 0 ? n : 0] = '\0';
		text = strchr(record, ';');
		if (!text || site[0])
			continue;
		tracing |= strstr(text, "FAULT_INJECTION") != NULL;
		end = strstr(text, " [dmashm]");
		if (!tracing || !end || strchr(text, '?'))
			continue;
		name = text + 1 + strspn(text + 1, " ");
		snprintf(site, size, "%.*s", (int)(end - name), name);
	}
	name = strchr(site, '/');	/* of how many bytes the function is */
	if (name)
		*name = '\0';
}

#endif /* TESTS_INJECT_H */
