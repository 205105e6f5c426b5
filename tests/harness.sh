#!/bin/sh
# SPDX-License-Identifier: MIT
# The barrier's sources, the kernel's and the library's, as threads of one
# process: natively, so many times as fast as in an emulated guest, and under
# the compilers' sanitizers. See harness/Makefile.
#
# usage: tests/harness.sh
#   HARNESS_SECONDS   what one test takes (2)
cd "$(dirname "$0")" || exit 1
. ./ktap.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# can CC SANITIZE: is there what such a program needs at run time?
can() {
	echo 'int main(void) { return 0; }' >"$scratch/can.c"
	"$1" ${2:+-fsanitize=$2} -o "$scratch/can" "$scratch/can.c" >"$scratch/why" 2>&1 &&
		$fixed "$scratch/can" >>"$scratch/why" 2>&1
}

build() {
	make -s -C harness -j2 CC="$1" SANITIZE="$2" O="$scratch/$1-$2"
}

# ThreadSanitizer of older compilers cannot live with all of what a newer
# kernel may do to addresses.
fixed=
setarch -R true 2>/dev/null && fixed='setarch -R'

# group CC SANITIZE PROGRAM...
group() {
	cc=$1 sanitize=$2
	name=${cc}_$(echo "${sanitize:-plain}" | tr , _)
	shift 2
	if ! can "$cc" "$sanitize"; then
		for program in builds "$@"; do skip "${name}_$program" "$(head -n 1 "$scratch/why")"; done
		return
	fi
	check "${name}_builds" build "$cc" "$sanitize"
	for program; do
		check "${name}_$program" run "$scratch/$cc-$sanitize/$program"
		printf '%s\n' "$ktap_output" | sed -n 's/^# .* times had/&/p'
	done
}

run() { $fixed timeout 120 "$1"; }

plan 21
group gcc '' stress death fairness scribble event lease
group gcc thread stress death event lease
group gcc address,undefined stress death scribble event lease
# Its sanitizers are packages of their own.
group clang '' stress death
exit "$ktap_failed"
