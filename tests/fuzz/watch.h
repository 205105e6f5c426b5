/* SPDX-License-Identifier: MIT */
/* Who sees to it that no call takes for ever, and tells what each did last. */
#ifndef FUZZ_WATCH_H
#define FUZZ_WATCH_H

#include <stdbool.h>

/* Does one of them hang? Then the reason is set. To be asked all the time. */
bool watch_finds_a_hang(unsigned int workers);

/* The last calls of each. */
void watch_tell(unsigned int workers);

/* The totals; false if a kind of call never worked though it was made often. */
bool watch_totals(void);

#endif /* FUZZ_WATCH_H */
