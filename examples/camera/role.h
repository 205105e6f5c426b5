/* SPDX-License-Identifier: MIT */
/*
 * Who does what: at any time at most one process has each of the roles. It
 * holds a lock on a file for as long as it lives, so that the kernel gives the
 * role back at its death, and that others can ask who has it.
 */
#ifndef ROLE_H
#define ROLE_H

#include <stdbool.h>
#include <sys/types.h>

enum role { CAMERA, OVERLAY, DISPLAY, ROLES, NO_ROLE = ROLES };

extern const char *const role_names[];

/* The file of a role in a directory, to be asked; says why and exits if not. */
int role_open(const char *directory, enum role role);

/* Waits a little for one who is just dying; else says why and exits. */
void role_take(int fd, enum role role);

/* Process id of who has it, 0 if nobody has. */
pid_t role_holder(int fd);

/* One who looks for the others and makes himself known, at a time. */
int role_begin_meeting(const char *directory);
void role_end_meeting(int fd);

#endif /* ROLE_H */
