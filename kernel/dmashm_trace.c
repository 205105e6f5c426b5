// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints themselves. */
#include <linux/dma-direction.h>
#include <linux/ktime.h>
#include <linux/mm.h>

#include "dmashm_buffer.h"
#include "dmashm_locker.h"
#include "dmashm_member.h"

#define CREATE_TRACE_POINTS
#include "dmashm_trace.h"
