/* SPDX-License-Identifier: MIT */
/* The command line of each program here. */
#ifndef OPTIONS_H
#define OPTIONS_H

struct options {
	const char *device;
	const char *picture;		/* camera: -o */
	unsigned int rate;		/* camera: -f */
	unsigned int die_at;		/* overlay: -k */
	unsigned int every;
	const char *directory;
};

/*
 * Fills in what is given, by options that are in @letters (as for getopt(3));
 * prints @usage and exits where somebody asks for it or goes wrong.
 */
void options_parse(struct options *options, int argc, char **argv,
		   const char *letters, const char *usage);

#endif /* OPTIONS_H */
