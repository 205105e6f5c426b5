#!/bin/sh
# SPDX-License-Identifier: MIT
# The kernel's own test of dma-heap, as it comes with the kernel's sources, on our heap.
# It goes through all heaps that there are, so the others are hidden: with
# CONFIG_DMABUF_DEBUG and DMA_API_DEBUG the system heap of Linux 6.12 follows page
# links that the one has made useless, and the machine dies of it.
. ./ktap.sh

heaps=/dev/dma_heap
hidden=/dev/dma_heap.hidden
program=./selftest/dmabuf-heap
said=/tmp/selftest

hide() {
	mkdir -p $hidden
	for heap in "$heaps"/*; do
		[ "$heap" = $heaps/dmashm ] || mv "$heap" $hidden
	done
}

show() {
	for heap in "$hidden"/*; do
		[ ! -e "$heap" ] || mv "$heap" $heaps
	done
	rmdir $hidden
}

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
trap show EXIT
hide
check passes selftest
check our_heap_is_tested our_heap_is_tested
check nothing_failed nothing_failed
check nothing_was_skipped nothing_was_skipped
rm -f $said
exit "$ktap_failed"
