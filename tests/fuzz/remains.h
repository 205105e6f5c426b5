/* SPDX-License-Identifier: MIT */
/* What is left when all is over. */
#ifndef FUZZ_REMAINS_H
#define FUZZ_REMAINS_H

#include <stdbool.h>

/* What there is before anything begins. */
void remains_note(void);

/*
 * Nothing more than that, soon: no buffer, no byte of one, nobody who uses the
 * module; and the module works. Says what is wrong.
 */
bool remains_are_none(void);

/* Free memory, once what is freed late has been; in KiB. */
long remains_free_kib(void);

#endif /* FUZZ_REMAINS_H */
