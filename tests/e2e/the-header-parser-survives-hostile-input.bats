#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# What reads a header does nothing undefined, whatever the disk says.  The
# programs are built with the sanitizers, so that a wrong access ends them; and
# so are the unit tests, in which a leak is an error, too.
#
# cmk-timeout: 300

ASAN=${CMK_BUILD:-build}/asan
TIME=${CMK_LONG:+600}
TIME=${TIME:-20}

setup() {
	export ASAN_OPTIONS=abort_on_error=1
	# The runner wants TAP of its unit tests; here a status is enough.
	unset CMOCKA_MESSAGE_OUTPUT
}

seeds() {
	mkdir "$BATS_TEST_TMPDIR/seeds"
	"$ASAN/header-seeds" "$BATS_TEST_TMPDIR/seeds"
}

# $1: program; the tail of what it said is enough to find the place
quietly() {
	"$@" >"$BATS_TEST_TMPDIR/log" 2>&1 && return
	tail -n 40 "$BATS_TEST_TMPDIR/log"
	return 1
}

@test "the unit tests pass under the sanitizers" {
	local program

	for program in "$ASAN"/test_*; do
		quietly "$program"
	done
	[ -x "$ASAN/test_header" ]
}

@test "mutated headers" {
	seeds
	quietly "$ASAN/fuzz-header" $TIME "$BATS_TEST_TMPDIR"/seeds/*
	read -r runs _ < <(tail -n 1 "$BATS_TEST_TMPDIR/log")
	echo "# $runs inputs" >&3
	[ "$runs" -ge 200 ]
}

@test "mutated headers, guided by coverage" {
	command -v clang >/dev/null || skip "no clang"
	seeds
	make -s -C "${CMK_TREE:-.}" BUILD="${CMK_BUILD:-build}" fuzz-header
	quietly "${CMK_BUILD:-build}/fuzz/header" -max_total_time=$TIME \
		-max_len=33000 -artifact_prefix="$BATS_TEST_TMPDIR/" \
		"$BATS_TEST_TMPDIR/seeds"
	grep -q '^Done [0-9]* runs' "$BATS_TEST_TMPDIR/log"
	grep ' cov: ' "$BATS_TEST_TMPDIR/log" | sed -n '1s/^/# /p; $s/^/# /p' >&3
}
