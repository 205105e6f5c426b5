/* SPDX-License-Identifier: MIT */
/*
 * Read before the kernel's source of leases: how long one lasts is for the test
 * to say, for some microseconds, so that many are taken back, or for ever.
 */
#ifndef HARNESS_LEASE_NS_H
#define HARNESS_LEASE_NS_H

#include <uapi/linux/dmashm.h>

#undef DMASHM_LEASE_NS
#define DMASHM_LEASE_NS gate_lease_ns()

__u64 gate_lease_ns(void);

#endif /* HARNESS_LEASE_NS_H */
