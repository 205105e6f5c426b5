// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "options.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "report.h"

static unsigned int number(const char *text, unsigned int max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || !value || value > max)
		errx(2, "%s is not a number from 1 to %u", text, max);
	return (unsigned int)value;
}

static void take(struct options *options, int letter)
{
	switch (letter) {
	case 'd':
		options->device = optarg;
		break;
	case 'f':
		options->rate = number(optarg, 120);
		break;
	case 'k':
		options->die_at = number(optarg, 1000000);
		break;
	case 'n':
		options->every = number(optarg, REPORT_MAX);
		break;
	case 'o':
		options->picture = optarg;
		break;
	}
}

void options_parse(struct options *options, int argc, char **argv,
		   const char *letters, const char *usage)
{
	static const struct option help[] = {
		{ "help", no_argument, NULL, 'h' }, { 0 },
	};
	int letter;

	options->every = 100;
	while ((letter = getopt_long(argc, argv, letters, help, NULL)) != -1) {
		if (letter == 'h' || letter == '?') {
			fputs(usage, letter == 'h' ? stdout : stderr);
			exit(letter == 'h' ? 0 : 2);
		}
		take(options, letter);
	}
	if (argc - optind != 1) {
		fputs(usage, stderr);
		exit(2);
	}
	options->directory = argv[optind];
}
