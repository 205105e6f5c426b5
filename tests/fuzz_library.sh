#!/bin/sh
# SPDX-License-Identifier: MIT
# libFuzzer over the library, with AddressSanitizer, UndefinedBehaviorSanitizer and
# the search for leaks: what comes over a socket (fuzz/library/receive.c), and what is in
# the words that everybody can write to (words.c). See fuzz/library/pretend.h for the
# module that is not there. The same runs each time.
#
# usage: tests/fuzz_library.sh [RUNS [DIRECTORY FUZZER...]]
#   RUNS        inputs for each (30000)
#   DIRECTORY   where those fuzzers are built already (else builds receive and words)
#   DMASHM_SEED of the fuzzer's dice (1)
cd "$(dirname "$0")" || exit 1
. ./ktap.sh
runs=${1:-30000} programs=${2:-}
[ $# -lt 2 ] || shift 2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# It learns from the values that are compared, and addresses are among them.
fixed=
setarch -R true 2>/dev/null && fixed='setarch -R'

can() { make -s -C fuzz/library can; }
build() { make -s -C fuzz/library -j2 O="$scratch/build"; }

# seed FUZZER NAME HEX...: an input to begin with.
seed() {
	mkdir -p "$scratch/$1"
	to=$scratch/$1/$2
	shift 2
	# shellcheck disable=SC2059 # bytes, by their numbers
	for byte; do printf "\\$(printf %o "0x$byte")"; done >"$to"
}

# See the tops of these files for what the bytes mean.
#                     socket options room end | answers | messages
#                                     payload | fds kinds.. | in two
seeds_of_receive() {
	seed receive a_stream            00 00 00 00  00  01  00 02 00 01 00
	seed receive packets             01 07 00 00  00  01  00 02 00 01 00
	seed receive datagrams           02 07 00 00  00  01  00 02 00 01 01
	seed receive in_two_pieces       00 01 00 01  00  02  01 03 02 00 01 00  02 05 00
	seed receive more_than_fit       00 00 82 00  00  01  00 03 00 01 04 00
	seed receive just_room           00 00 83 00  00  01  00 02 00 01 00
	seed receive a_flood             01 00 00 00  00  01  00 ff 00 01 00 01 00 01 01
	seed receive of_two_buffers      00 00 00 00  00  01  00 02 00 03 00
	seed receive a_view              00 00 00 00  20 00 00 00 00 01  01  00 02 00 01 00
	seed receive an_id_too_large     00 00 00 00  20 00 00 00 01 00 00  01  00 02 00 01 00
	seed receive no_facts            00 00 00 00  40 00 00 00 00 00 01 01 00 00 00 00 00  01  00 02 00 01 00
	seed receive no_room_to_map      00 00 00 00  10 03  01  00 02 00 01 00
	seed receive the_other_end_left  00 00 00 03  00  00
	seed receive itself              00 00 00 03  00  02  00 02 0a 0a 00  05 03 61 62 63 01 0a
	seed receive an_empty_datagram   02 00 00 00  00  01  01 00 00
	seed receive no_socket           f8
	seed receive not_connected       fa
}

# Calls: twice the call's number, plus who calls.
seeds_of_words() {
	seed words a_queue      08 04 00 01  09 00 00 00  0a  0c 01  0f  11 00  0f  17  16
	seed words overwriting  08 02 01 03  09 00 00 00  0a 0c 01 0a 0c 02 0a 0c 03  0f 11 00 0f
	seed words a_device     08 04 00 01  09 00 00 00  06 48  0a  0c 01  0f  11 00
	seed words locks        12 00  13 00  12 02  13 03  12 00  13 05  12 01  12 06  12 02
	seed words brackets     14 04 00 00 01 0c  14 05 00 00 01 0c  15 0a 01 04 02 02  15 0b 01 04 02 02
	seed words of_nobody    00 00 02 09  12 00  13 01  02 00 0a 05  12 02
	seed words a_bad_queue  08 04 00 01  00 02 02 ff 00 00 00 07  09 00 00 00  00 02 21 29  0f
	seed words a_long_frame 08 04 00 01  09 00 00 00  0a 0c 01  00 02 21 07 ff ff ff ff  0f  0f
	seed words a_bad_slot   08 04 00 01  09 00 00 00  00 02 10 01  0f
	seed words a_second     08 04 00 01  09 04 00 01  09 02 00 01
	seed words events       2e 03 00 01  2f 7f 01 02  2f 80 00 00
}

# fuzz FUZZER: its name begins with that of its seeds. An input that breaks something
# is shown, to be kept as a seed.
fuzz() {
	$fixed "$programs/$1" -seed="${DMASHM_SEED:-1}" -runs="$runs" -max_len=600 -len_control=10 -timeout=20 \
		-reload=0 -artifact_prefix="$scratch/broken." "$scratch/${1%_*}" >"$scratch/said" 2>&1
	status=$?
	for file in "$scratch"/broken.*; do
		[ -e "$file" ] || continue
		echo "the input:$(od -An -v -tx1 "$file" | tr -d '\n')"
		rm -f "$file"
	done
	grep -v '^#[0-9]' "$scratch/said" | tail -n 40
	return $status
}

# How much of the library it has seen, and how many inputs that took.
tell() {
	sed -n 's/^#\([0-9]*\).*DONE.*cov: \([0-9]*\).*corp: \([0-9]*\).*/# \1 inputs, \2 edges, \3 inputs kept/p' "$scratch/said"
}

[ -n "$programs" ] || set -- builds receive words
plan $#
if [ -z "$programs" ]; then
	if ! why=$(can 2>&1); then
		for name; do skip "$name" "$(echo "$why" | head -n 1)"; done
		exit 0
	fi
	programs=$scratch/build
	check "$1" build
	shift
fi
seeds_of_receive
seeds_of_words
for fuzzer; do
	check "$fuzzer" fuzz "$fuzzer"
	tell
done
exit "$ktap_failed"
