#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Streams a file through a dmashm buffer from one process to another, while the
# kernel writes into the same buffer, all three under one barrier; then
# compares what arrived with what was sent.
#
# usage: stream-demo.sh [-m DIR] [-n FRAMES] [-s KIB] FILE
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
dir=''
loaded=''
producer=''
consumer=''
hasher=''

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

# A pid that was waited for may be given to a stranger: each is forgotten then.
stream() {
	mkfifo "$dir/received"
	sha256sum <"$dir/received" >"$dir/hash" &
	hasher=$!
	"$here/stream/producer" -n "$frames" -s "$kib" "$dir/socket" "$file" >"$dir/producer" &
	producer=$!
	"$here/stream/consumer" -k "$dir/socket" >"$dir/received" &
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

while getopts m:n:s: option; do
	case $option in
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
failed=''
stream

sent=$(sha256sum <"$file") || failed="$failed the source could not be read;"
sent=${sent%% *}
received=$(cat "$dir/hash")
received=${received%% *}
cat "$dir/producer"
echo "sha256     sent     $sent"
echo "sha256     received $received"
[ "$sent" = "$received" ] || failed="$failed what arrived is not what was sent;"
[ -z "$failed" ] || die "failed:${failed%;}."
echo "result     ok: all arrived as it was sent, and no sample was torn"
