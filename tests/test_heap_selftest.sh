#!/bin/sh
# SPDX-License-Identifier: MIT
# The kernel's own test of dma-heap, as it comes with the kernel's sources: it
# goes through all heaps that there are, so ours must be among them.
. ./ktap.sh

program=./selftest/dmabuf-heap
said=/tmp/selftest

selftest() {
	$program >$said 2>&1
	status=$?
	cat $said
	return $status
}
our_heap_is_tested() { grep -q 'Testing heap: dmashm' $said; }

# Older ones say OK and FAIL for people, newer ones print TAP.
nothing_failed() { ! grep -E 'FAIL|^not ok|^Bail out' $said; }
nothing_was_skipped() { ! grep -iE 'skip:?[1-9]|# *skip|- skipping' $said; }

plan 4
if [ ! -x $program ]; then
	for name in passes our_heap_is_tested nothing_failed nothing_was_skipped; do
		skip $name "tests/vm/build has not built it from the kernel's sources"
	done
	exit 0
fi
modprobe -q vgem # it imports there
check passes selftest
check our_heap_is_tested our_heap_is_tested
check nothing_failed nothing_failed
check nothing_was_skipped nothing_was_skipped
rm -f $said
exit "$ktap_failed"
