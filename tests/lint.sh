#!/bin/sh
# SPDX-License-Identifier: MIT
# What tools can say of the sources without running them, a case for each; none
# has anything to say. Run in a copy of the tree that may be built anew, where
# trixie's packages are: "make lint" does so.
#
# usage: KDIR=... tests/lint.sh
#
# smatch is not here: Debian has no package of it.
cd "$(dirname "$0")/.." || exit 1
. tests/ktap.sh
: "${KDIR:?must name the build directory of a kernel}"
export KDIR
jobs=$(nproc)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The kernel's own tools, which its headers come without. Once in a tree's life:
# it takes some seconds to find them in the source.
scripts=/usr/src/dmashm-scripts
kernel_scripts() {
	[ ! -d $scripts ] || return 0
	archive=$(find /usr/src -maxdepth 1 -name 'linux-source-*.tar.xz' | sort -V | tail -n 1)
	rm -rf $scripts.part && mkdir $scripts.part &&
		xz -T0 -dc "$archive" | tar -x -C $scripts.part --strip-components=2 --wildcards \
			'*/scripts/kernel-doc' '*/scripts/checkpatch.pl' \
			'*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch' \
			'*/scripts/coccinelle' &&
		mv $scripts.part $scripts
}

kernel_sources() {
	find kernel examples/kernel tests/kernel include/uapi include/linux \
		-name '*.[ch]' ! -name '*.mod.c'
}

# each N COMMAND...: with so many of the names that come in, several at a time.
each() { number=$1; shift; xargs -P "$jobs" -n "$number" "$@"; }

checkpatch() {
	kernel_sources | each 8 $scripts/checkpatch.pl \
		--no-tree --strict --terse --show-types --no-summary -f
}

sparse() {
	for dir in kernel examples/kernel tests/kernel; do
		make -C "$dir" clean >/dev/null || return 1
		quiet make -s -j "$jobs" -C "$dir" C=2 CF=-Wcontext || return 1
	done
}

# All but those that need OCaml's compiler, and minmax, which knows no defect
# and takes as long as half of the others.
semantic_patches() {
	grep -rL 'script:ocaml' --include='*.cocci' $scripts/coccinelle |
		xargs grep -l '^virtual report' | grep -v misc/minmax
}

# They report by Python, whose library spatch asks for by a name that Debian
# has in a directory of its own.
python_library() { find /usr/lib/python3* -name 'libpython3*.so' -printf '%h\n' | head -n 1; }

coccinelle() {
	mkdir "$scratch/sources"
	# shellcheck disable=SC2046
	cp --parents $(kernel_sources) "$scratch/sources" && cd "$scratch/sources" || return 1
	# shellcheck disable=SC2016 # for the shell inside
	semantic_patches | LD_LIBRARY_PATH=$(python_library) each 1 sh -c '
		spatch -D report --very-quiet --no-show-diff --cocci-file "$0" --dir . \
			$(sed -n "s|^//.*Options: ||p" "$0")
		' >"$scratch/report" 2>"$scratch/words" || { cat "$scratch/words"; return 1; }
	! grep . "$scratch/report"
}

# programs DIR...: the C files for user space.
programs() {
	find "$@" -name kernel -prune -o -name harness -prune -o -name selftest -prune -o \
		-name '*.c' -print
}

flags="-std=gnu11 -D_GNU_SOURCE= -Iinclude/uapi -Iinclude $(pkg-config --cflags libdrm liburing)"

# Not the tests: what a case that fails leaves open goes with its process, as
# with that of an example. And dup3() gives the number that it was given.
# shellcheck disable=SC2016 # for the shell inside
analyzer() {
	programs libclient examples bench | FLAGS=$flags each 1 sh -c '
		case $0 in examples/* | libclient/member.c) FLAGS="$FLAGS -Wno-analyzer-fd-leak" ;; esac
		gcc -O2 -g -Werror -fanalyzer $FLAGS -c -o /dev/null "$0"'
}

# One by one: with files of several directories it takes one's configuration for all.
# shellcheck disable=SC2016 # for the shell inside
clang_tidy() {
	programs libclient examples bench tests | FLAGS=$flags each 1 sh -c '
		clang-tidy --quiet "$0" -- $FLAGS'
}

kernel_doc() {
	grep -rl '^/\*\*' include kernel examples/kernel tests/kernel --include='*.[ch]' |
		each 8 $scripts/kernel-doc -none -Wall -Werror
}

shell_scripts() {
	grep -rlE '^(#!.*/(ba)?sh|# shellcheck shell=)' . --include='*' --exclude-dir=build --exclude-dir=.git
}

shell_check() { shell_scripts | each 8 shellcheck; }

# parm is a name of V4L2's, advices are those of madvise(), inout is a word of
# syzkaller's.
spelling() { codespell --ignore-words-list parm,advices,inout --skip build,.git,tests/selftest,./ktap .; }

# recorded WHAT: what is there is what is recorded.
recorded() {
	tests/abi/describe "$1" >"$scratch/$1.txt" || return 1
	diff -u "tests/abi/$1.txt" "$scratch/$1.txt" || {
		echo "Programs that were built before rely on that. If it must change all"
		echo "the same: make lint UPDATE_ABI=1, and commit tests/abi/$1.txt."
		return 1
	}
}

# It is the same to a program of 32 bits.
uapi_of_32_bits() {
	tests/abi/describe uapi -m32 | diff -u tests/abi/uapi.txt -
}

plan 12
check the_kernel_source_has_its_scripts kernel_scripts
check checkpatch_finds_nothing checkpatch
check sparse_finds_no_lock_kept_and_nothing_else sparse
if [ -n "$(python_library)" ]; then
	check coccinelle_finds_nothing coccinelle
else
	skip coccinelle_finds_nothing "its patches report by Python: no libpython3 here"
fi
check gcc_analyzer_finds_nothing analyzer
check clang_tidy_finds_nothing clang_tidy
check kernel_doc_finds_nothing kernel_doc
check shellcheck_finds_nothing shell_check
check codespell_finds_nothing spelling
check the_uapi_is_as_recorded recorded uapi
check the_uapi_is_the_same_in_32_bits uapi_of_32_bits
check the_library_is_as_recorded recorded library
exit "$ktap_failed"
