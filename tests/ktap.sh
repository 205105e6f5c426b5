# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # those who include this exit with ktap_failed
# For test programs in shell: the same KTAP as ktap.h. Use:
#
#	. ./ktap.sh
#	plan 2
#	check what_holds            command that must succeed
#	refuse what_must_not_work   command that must fail
#
# A command's output becomes diagnostics where the case fails.
#
#	await FILE TEXT             until FILE has TEXT in it; fails after 10 s
#	quiet COMMAND               succeeds without a word of warning

# As in ktap.h, what takes long says so.

ktap_n=0
ktap_failed=0
ktap_since=$(date +%s)

plan() {
	echo "KTAP version 1"
	echo "1..$1"
}

ktap_result() {
	ktap_n=$((ktap_n + 1))
	ktap_now=$(date +%s)
	[ $((ktap_now - ktap_since)) -lt 5 ] || echo "# $2 took $((ktap_now - ktap_since)) s"
	ktap_since=$ktap_now
	if [ "$1" = ok ]; then
		echo "ok $ktap_n $2"
	else
		ktap_failed=1
		printf '%s\n' "$ktap_output" | sed 's/^/# /'
		echo "not ok $ktap_n $2"
	fi
}

check() {
	ktap_name=$1
	shift
	if ktap_output=$("$@" 2>&1); then
		ktap_result ok "$ktap_name"
	else
		ktap_result bad "$ktap_name"
	fi
}

refuse() {
	ktap_name=$1
	shift
	if ktap_output=$("$@" 2>&1); then
		ktap_result bad "$ktap_name"
	else
		ktap_result ok "$ktap_name"
	fi
}

skip() {
	ktap_n=$((ktap_n + 1))
	echo "ok $ktap_n $1 # SKIP $2"
}

quiet() {
	ktap_words=$("$@" 2>&1) || { echo "$ktap_words"; return 1; }
	! echo "$ktap_words" | grep -E '(warning|error):|WARNING'
}

await() {
	ktap_tries=0
	until grep -q "$2" "$1" 2>/dev/null; do
		sleep 0.1
		ktap_tries=$((ktap_tries + 1))
		[ $ktap_tries -lt 100 ] || return 1
	done
}
