// SPDX-License-Identifier: MIT
/*
 * Figures are medians: a machine that does other things too adds milliseconds
 * to some frames (in a guest also to their CPU time), and nothing to most.
 */
#define _GNU_SOURCE
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "frame.h"

uint64_t cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void restart(struct report *report)
{
	unsigned int i;

	report->frames = 0;
	report->dropped = 0;
	report->cpu.count = 0;
	for (i = 0; i < REPORT_SPANS; i++)
		report->spans[i].count = 0;
	report->begin = now_ns();
	report->cpu_seen = cpu_ns();
}

void report_begin(struct report *report, const char *name, unsigned int every)
{
	report->name = name;
	report->every = every;
	restart(report);
}

static void add(struct span *span, uint64_t ns)
{
	if (span->count < REPORT_MAX)
		span->ns[span->count++] = ns;
}

void report_span(struct report *report, unsigned int span, uint64_t ns)
{
	add(&report->spans[span], ns);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double median_ms(struct span *span)
{
	size_t middle = span->count / 2;

	qsort(span->ns, span->count, sizeof(*span->ns), compare);
	return (double)span->ns[middle] / 1e6;
}

static void print_span(struct span *span)
{
	double median;

	if (!span->what || !span->count)
		return;
	median = median_ms(span);
	printf("; %s %.2f ms (most %.2f)", span->what, median,
	       (double)span->ns[span->count - 1] / 1e6);
}

static void print(struct report *report, uint32_t number)
{
	double seconds = (double)(now_ns() - report->begin) / 1e9;
	unsigned int i;

	printf("%-10s %u frames to no. %" PRIu32 ", %.1f a second", report->name,
	       report->frames, number, report->frames / seconds);
	for (i = 0; i < REPORT_SPANS; i++)
		print_span(&report->spans[i]);
	if (report->dropped)
		printf("; %u dropped", report->dropped);
	printf("; CPU %.2f ms\n", median_ms(&report->cpu));
	fflush(stdout);
}

void report_frame(struct report *report, uint32_t number)
{
	uint64_t cpu = cpu_ns();

	add(&report->cpu, cpu - report->cpu_seen);
	report->cpu_seen = cpu;
	if (++report->frames < report->every)
		return;
	print(report, number);
	restart(report);
}
