#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples, each as briefly as it goes, for valgrind, which takes seconds to begin
# with: tests/vm/parts/valgrind puts it among the tests there, as commands of the same
# names run under it. All of test_examples.sh does too, in the nightly form.
cd "$(dirname "$0")" || exit 1
. ./ktap.sh
examples=../examples
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

stream() {
	head -c 300000 /dev/urandom >"$scratch/file"
	$examples/stream/producer -n 4 -s 64 "$scratch/socket" "$scratch/file" &
	$examples/stream/consumer "$scratch/socket" >"$scratch/received" && wait $! &&
		cmp "$scratch/file" "$scratch/received"
}
load() { head -c 100000 /dev/urandom >"$scratch/file" && $examples/load "$scratch/file"; }

plan 9
check hello $examples/hello
check map_twice $examples/map_twice
check counter $examples/counter barrier 2000
check queue $examples/queue
check queue_that_overwrites $examples/queue overwrite
check raw_uapi $examples/raw_uapi
check view $examples/view
check load load
check stream stream
exit "$ktap_failed"
