/* SPDX-License-Identifier: MIT */
/* Nothing is traced here: see linux/tracepoint.h. */
