// SPDX-License-Identifier: MIT
/*
 * What the barrier costs, beside what its users would take instead. Prints
 * rows of fields between tabs: "row", operation, role, backend, unit, median,
 * least, ninth decile, number of rounds, note.
 */
#include "contended.h"
#include "die.h"
#include "uncontended.h"

static const struct {
	const char *name;
	void (*measure)(void);
} modes[] = {
	{ "instructions", count_instructions },
	{ "nanoseconds", count_nanoseconds },
	{ "contention", measure_contention },
	{ "switches", measure_switches },
	{ "readers", measure_readers },
};

int main(int argc, char **argv)
{
	unsigned int n;

	for (n = 0; argc == 2 && n < sizeof(modes) / sizeof(modes[0]); n++) {
		if (strcmp(argv[1], modes[n].name))
			continue;
		modes[n].measure();
		return 0;
	}
	die("usage: barrier instructions | nanoseconds | contention | switches | readers");
}
