/* SPDX-License-Identifier: MIT */
/* Nothing is traced here. */
#ifndef HARNESS_TRACEPOINT_H
#define HARNESS_TRACEPOINT_H

#include <linux/types.h>

static inline void trace_nothing(int first, ...)
{
	(void)first;
}

/* In parentheses, so that each stays one argument. */
#define TP_PROTO(args...)	(args)
#define TP_ARGS(args...)	(0, args)

#define TRACE_EVENT(name, proto, args, more...)				\
	static inline void trace_##name proto				\
	{								\
		trace_nothing args;					\
	}								\
	static inline bool trace_##name##_enabled(void)			\
	{								\
		return false;						\
	}

#define DECLARE_EVENT_CLASS(more...)
#define DEFINE_EVENT(class, name, proto, args) TRACE_EVENT(name, proto, args)

#endif /* HARNESS_TRACEPOINT_H */
