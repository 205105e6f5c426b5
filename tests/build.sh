#!/bin/sh
# SPDX-License-Identifier: MIT
# What is built, and how cleanly: run where the compilers and the headers of
# KDIR's kernel are (tests/vm/check does so for each kernel), in a copy of the
# tree that may be built anew.
#
# usage: KDIR=... tests/build.sh
cd "$(dirname "$0")" || exit 1
. ./ktap.sh
top=$(cd .. && pwd)
: "${KDIR:?must name the build directory of a kernel}"
export KDIR

modules() {
	for dir in kernel examples/kernel tests/kernel; do
		make -C "$top/$dir" clean >/dev/null || return 1
		quiet make -C "$top/$dir" "$@" || return 1
	done
}

user() {
	make -C "$top/libclient" clean >/dev/null &&
		make -C "$top/examples" clean >/dev/null &&
		make -C "$top/tests" clean >/dev/null &&
		make -C "$top/bench" clean >/dev/null &&
		quiet make -C "$top" user "$@"
}

library_exports() { make -C "$top/libclient" check; }

# Into a directory of its own, as a package would be made.
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

install_library() {
	make -C "$top/libclient" install DESTDIR="$stage" PREFIX=/usr >/dev/null &&
		[ -e "$stage/usr/lib/libdmashm.so" ] &&
		[ -e "$stage/usr/include/dmashm.h" ] &&
		[ -e "$stage/usr/include/linux/dmashm.h" ]
}

install_module() {
	make -C "$top/kernel" install DESTDIR="$stage" >/dev/null &&
		find "$stage/lib/modules" -name 'dmashm.ko*' | grep .
}

flags() {
	PKG_CONFIG_PATH=$stage/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$stage \
		pkg-config --cflags --libs dmashm
}

# The README's program, with what is installed and nothing else.
# shellcheck disable=SC2046
consumer() { "$@" -Wall -Wextra -Werror -o "$stage/hello" "$top/examples/hello.c" $(flags); }
# shellcheck disable=SC2046
consumer_cpp() {
	printf '#include <dmashm.h>\n#include <linux/dmashm.h>\nint main() { dmashm_buffer *b = nullptr; dmashm_close(b); return DMASHM_ABI != 1; }\n' >"$stage/c.cpp"
	"$@" -Wall -Wextra -Werror -Wpedantic -o "$stage/c" "$stage/c.cpp" $(flags) &&
		LD_LIBRARY_PATH=$stage/usr/lib "$stage/c"
}

readme_shows_hello() {
	awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$top/README.md" |
		diff - "$top/examples/hello.c"
}

# What the sources call steps of the model (X1, K_try ...) are labels there.
model_has_the_steps() {
	steps=$(grep -rhoE '\<([XUSD][0-9]|S_peek|[KWP]_[a-z_]+)\>' "$top/kernel" "$top/libclient" --include='*.c' --include='*.h' | sort -u)
	[ "$(echo "$steps" | wc -l)" -ge 20 ] || return 1
	for step in $steps; do
		grep -qE "^[[:space:]]*$step:" "$top"/model/*.pml || { echo "$step is no label in model/"; missing=1; }
	done
	[ -z "${missing:-}" ]
}

plan 13
check modules_build_without_a_warning modules W=1
check sparse_finds_nothing modules W=1 C=2
check gcc_finds_nothing user CC=gcc
check clang_finds_nothing user CC=clang
check the_library_exports_what_its_header_declares library_exports
check the_library_installs install_library
check the_module_installs install_module
check a_program_builds_with_gcc consumer gcc
check a_program_builds_with_clang consumer clang
check a_program_builds_in_cpp consumer_cpp g++
check the_readme_shows_the_example_as_it_is readme_shows_hello
check the_model_has_the_steps_that_the_code_names model_has_the_steps
check the_description_for_syzkaller_has_all_of_the_uapi "$top/tests/fuzz/description.sh"
exit "$ktap_failed"
