// SPDX-License-Identifier: MIT
#include "cpus.h"

#include <sched.h>

#include "die.h"

unsigned int cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		die("sched_getaffinity failed");
	return (unsigned int)CPU_COUNT(&set);
}

void pin(unsigned int n)
{
	cpu_set_t set, one;
	int cpu;

	if (sched_getaffinity(0, sizeof(set), &set))
		die("sched_getaffinity failed");
	n %= (unsigned int)CPU_COUNT(&set);
	for (cpu = 0; !CPU_ISSET(cpu, &set) || n--; cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die("sched_setaffinity failed");
}
