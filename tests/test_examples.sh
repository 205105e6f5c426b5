#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples do what their first lines say, and say so by their status.
. ./ktap.sh
examples=../examples

# Of some MB, from what is on every guest.
file=/tmp/streamed
cat ../tests/test_* | head -c 3000000 >$file

# rounds N: so many, or fewer where each takes longer.
rounds() { echo $(($1 / ${DMASHM_SLOW:-1})); }

stream() { sh $examples/stream-demo.sh $file; }
stream_of() { sh $examples/stream-demo.sh -q "$1"; }
an_empty_file() { : >/tmp/empty && stream_of /tmp/empty; }
one_byte() { printf x >/tmp/one && stream_of /tmp/one; }
no_file() { stream_of /no/such/file; }

# On the disk that a guest has for that (see scratch.h), with a file system.
load_from_disk() {
	modprobe ext4 || return 1
	disk=$(grep -l dmashm-scratch /sys/block/vd*/serial | head -n 1)
	disk=/dev/$(basename "$(dirname "$disk")")
	mkdir -p /tmp/disk
	mke2fs -F "$disk" >/dev/null && mount -t ext4 "$disk" /tmp/disk || return 1
	cp $file /tmp/disk/file && $examples/load /tmp/disk/file >/tmp/said
	status=$?
	umount /tmp/disk
	cat /tmp/said
	[ $status -eq 0 ] && grep -q '0 copies' /tmp/said
}
load_from_memory() { $examples/load $file | tee /tmp/said && grep -q '1 copy' /tmp/said; }
no_disk() { ! grep -q dmashm-scratch /sys/block/vd*/serial 2>/dev/null; }

plan 15
check hello $examples/hello
check map_twice $examples/map_twice
check counter_by_barrier $examples/counter barrier "$(rounds 20000)"
check counter_by_ioctl $examples/counter ioctl "$(rounds 5000)"
check counter_without $examples/counter none 100000
check queue $examples/queue
check queue_that_overwrites $examples/queue overwrite
check raw_uapi $examples/raw_uapi
check view $examples/view
modprobe -q virtio_pci; modprobe -q virtio_blk
if no_disk; then
	skip load_from_a_disk "there is no disk to write to (tests/vm/guest --disk)"
else
	check load_from_a_disk load_from_disk
	printf '%s\n' "$ktap_output" | sed 's/^/# /'
fi
check load_where_there_is_no_direct_io load_from_memory
check stream stream
check stream_of_one_byte one_byte
check stream_of_nothing an_empty_file
refuse stream_of_no_file no_file
rm -f $file /tmp/one /tmp/empty /tmp/said
exit "$ktap_failed"
