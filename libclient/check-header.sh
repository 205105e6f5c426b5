#!/bin/sh
# SPDX-License-Identifier: MIT
# The header has to do for consumers in C and C++, alone and together with the
# kernel's header in either order, without a warning.
#
# usage: check-header.sh COMPILER-FLAG...
set -eu

: "${CC:=cc}" "${CXX:=c++}"

try() { # standard compiler language includes
	std=$1 compiler=$2 language=$3
	shift 3
	$compiler -x "$language" -std="$std" -Wall -Wextra -Wpedantic -Werror \
		-fsyntax-only $flags -
}

flags=$*
library='#include <dmashm.h>'
kernel='#include <linux/dmashm.h>'
use='int f(struct dmashm_buffer *b); int f(struct dmashm_buffer *b)
{ return dmashm_timedlock(b, DMASHM_NEVER); }'

for text in "$library" "$library
$kernel" "$kernel
$library"; do
	printf '%s\n%s\n' "$text" "$use" | try c99 "$CC" c
	printf '%s\n%s\n' "$text" "$use" | try c11 "$CC" c
	printf '%s\n%s\n' "$text" "$use" | try c++11 "$CXX" c++
done
