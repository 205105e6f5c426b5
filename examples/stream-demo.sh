#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Streams a file through a dmashm buffer from one process to another, while the
# kernel writes into the same buffer, all three under one barrier; then
# compares what arrived with what was sent.
#
# usage: stream-demo.sh [-q] [-m DIR] [-n FRAMES] [-s KIB] FILE
#   -q         does not count system calls, which takes two more passes
#   -m DIR     where dmashm_sampler.ko is ($DMASHM_MODULES, else kernel/ here)
#   -n FRAMES  frames in the ring (8)
#   -s KIB     size of a frame (256)
#
# To be run as root, with dmashm.ko loaded. Exits with 0 if both programs
# succeeded, the SHA-256 of both ends agree, no sample of the kernel was torn
# and the kernel had its turns.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
modules=${DMASHM_MODULES:-$here/kernel}
frames=8
kib=256
quick=''
dir=''
loaded=''
producer=''
consumer=''
hasher=''
trace_producer=''
trace_consumer=''
failed=''

die() {
	echo "stream-demo: $*" >&2
	exit 1
}

usage() {
	sed -n 's/^# \(usage:.*\)/\1/p' "$0" >&2
	exit 2
}

# Ends what still runs, and only what was started here.
clean_up() {
	for pid in $producer $consumer $hasher; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	[ -z "$dir" ] || rm -rf "$dir"
	[ -z "$loaded" ] || rmmod dmashm_sampler
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

load_sampler() {
	[ ! -e /dev/dmashm_sampler ] || return 0
	[ -e "$modules/dmashm_sampler.ko" ] ||
		die "there is no $modules/dmashm_sampler.ko; build examples/kernel, or name its directory with -m."
	insmod "$modules/dmashm_sampler.ko" ||
		die "dmashm_sampler.ko did not load; dmesg says why."
	loaded=yes
}

# transfer FILE [OPTION...]: from producer to consumer, under the commands in
# $trace_producer and $trace_consumer if those are set. Leaves what the programs
# print in $dir/producer and, on standard error, the consumer's; what went wrong
# is added to $failed. A pid that was waited for may be given to a stranger:
# each is forgotten then.
transfer() {
	source=$1
	shift
	rm -f "$dir/received"
	mkfifo "$dir/received"
	sha256sum <"$dir/received" >"$dir/hash" &
	hasher=$!
	$trace_producer "$here/stream/producer" -n "$frames" -s "$kib" "$dir/socket" "$source" >"$dir/producer" &
	producer=$!
	$trace_consumer "$here/stream/consumer" "$@" "$dir/socket" >"$dir/received" &
	consumer=$!

	status=0
	wait "$consumer" || status=$?
	consumer=''
	[ $status -eq 0 ] || failed="$failed the consumer ended with status $status;"
	status=0
	wait "$producer" || status=$?
	producer=''
	[ $status -eq 0 ] || failed="$failed the producer ended with status $status;"
	wait "$hasher" || failed="$failed sha256sum failed;"
	hasher=''
}

# calls_of FILE: the total in a summary of strace, which comes a little after
# the traced program has ended.
calls_of() {
	tries=0
	until grep -q ' total$' "$1" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -le 50 ] || return 1
		sleep 0.1
	done
	awk '/ total$/ { print $4 }' "$1"
}

# count_calls FRAMES: transfers so many frames under strace; what each side
# called is then in $by_producer and $by_consumer.
count_calls() {
	head -c $(($1 * kib * 1024)) /dev/zero >"$dir/zeros"
	rm -f "$dir/calls.producer" "$dir/calls.consumer"
	trace_producer="strace -D -f -c -o $dir/calls.producer"
	trace_consumer="strace -D -f -c -o $dir/calls.consumer"
	transfer "$dir/zeros" 2>/dev/null
	trace_producer='' trace_consumer=''
	by_producer=$(calls_of "$dir/calls.producer") && by_consumer=$(calls_of "$dir/calls.consumer")
}

# Two passes of different length beside the main one, which it does not slow
# down: their difference is free of what programs call to start and to end.
report_calls() {
	if ! command -v strace >/dev/null; then
		echo "calls      not counted: there is no strace here"
		return
	fi
	if ! count_calls 8; then
		echo "calls      not counted: strace left no summary"
		return
	fi
	few_producer=$by_producer few_consumer=$by_consumer
	if ! count_calls 40; then
		echo "calls      not counted: strace left no summary"
		return
	fi
	awk -v p=$((by_producer - few_producer)) -v c=$((by_consumer - few_consumer)) 'BEGIN {
		printf "calls      %.1f system calls per frame by the producer, %.1f by the consumer\n", p / 32, c / 32
	}'
}

while getopts m:n:qs: option; do
	case $option in
	q) quick=yes ;;
	m) modules=$OPTARG ;;
	n) frames=$OPTARG ;;
	s) kib=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 1 ] || usage
file=$1
[ -f "$file" ] || die "$file is no file."
[ -r "$file" ] || die "$file cannot be read."
for program in producer consumer; do
	[ -x "$here/stream/$program" ] ||
		die "there is no $here/stream/$program; build the examples first."
done
[ -e /dev/dmashm ] || die "there is no /dev/dmashm; load dmashm.ko first."

dir=$(mktemp -d)
load_sampler
transfer "$file" -k
cat "$dir/producer"
received=$(cat "$dir/hash")
received=${received%% *}
[ -n "$failed$quick" ] || report_calls
sent=$(sha256sum <"$file") || failed="$failed the source could not be read;"
sent=${sent%% *}
echo "sha256     sent     $sent"
echo "sha256     received $received"
[ "$sent" = "$received" ] || failed="$failed what arrived is not what was sent;"
[ -z "$failed" ] || die "failed:${failed%;}."
echo "result     ok: all arrived as it was sent, and no sample was torn"
