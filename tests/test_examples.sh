#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples do what their first lines say, and say so by their status.
. ./ktap.sh
examples=../examples

# A file that is on every guest, of some MiB.
file=/tmp/streamed
cat /proc/self/exe ../tests/test_* >$file
while [ "$(wc -c <$file)" -lt 3000000 ]; do cat $file $file >$file.2 && mv $file.2 $file; done

stream() { sh $examples/stream-demo.sh $file; }
stream_of() { sh $examples/stream-demo.sh "$1"; }
an_empty_file() { : >/tmp/empty && stream_of /tmp/empty; }
one_byte() { printf x >/tmp/one && stream_of /tmp/one; }
no_file() { stream_of /no/such/file; }

plan 13
check hello $examples/hello
check map_twice $examples/map_twice
check counter_by_barrier $examples/counter barrier 20000
check counter_by_ioctl $examples/counter ioctl 5000
check counter_without $examples/counter none 100000
check queue $examples/queue
check queue_that_overwrites $examples/queue overwrite
check raw_uapi $examples/raw_uapi
check view $examples/view
check stream stream
check stream_of_one_byte one_byte
check stream_of_nothing an_empty_file
refuse stream_of_no_file no_file
rm -f $file /tmp/one /tmp/empty
exit "$ktap_failed"
