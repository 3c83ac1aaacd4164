#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The command line of cmkctl(8): what is not understood is refused with status
# 2 before anything is done, and each refusal is one line for people or one
# JSON object for programs.  Runs anywhere: no module, no agent.
#
# cmk-timeout: 180

bats_require_minimum_version 1.5.0

CMKCTL=$BATS_TEST_DIRNAME/../../build/bin/cmkctl
COMMANDS="format open close list status dump revoke hold restore probe
benchmark udev"

# refused WORD...: status 2, nothing on stdout, one line on stderr
refused() {
	run --separate-stderr "$CMKCTL" "$@"
	[ "$status" = 2 ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" = 1 ]
}

@test "each command has a help text and ends with 0" {
	for command in $COMMANDS; do
		run "$CMKCTL" "$command" --help
		[ "$status" = 0 ]
		[[ ${lines[0]} == "cmkctl $command"* ]]
		[[ $output == *--json* ]]
	done
}

@test "the overview lists each command that is for people" {
	run "$CMKCTL" --help
	[ "$status" = 0 ]
	for command in ${COMMANDS/ udev/}; do
		[[ $output == *"  $command "* ]]
	done
}

@test "an unknown command and no command are refused" {
	refused
	refused frobnicate
}

@test "an unknown option is refused by each command, also by those without" {
	for command in $COMMANDS; do
		refused "$command" --frobnicate x
		refused "$command" -x y
	done
}

@test "an option that is repeated, incomplete or has a value too many" {
	refused format --kek a --kek b /dev/null
	refused format /dev/null --kek
	refused status --json=yes
	refused revoke --all=1
}

@test "values that cannot be are refused" {
	refused --timeout 0 status
	refused --timeout soon status
	refused format /dev/null --range-size 1X
	refused format /dev/null --range-size 99999999999999999999
	refused format /dev/null --sector-size big
	refused format /dev/null --wrap both
	refused format /dev/null --uuid 1234
	refused open /dev/null x --wait eternity
	refused status --watch=0
	refused revoke x --reason "$(printf '%0129d' 0)"
}

@test "a wrong number of arguments is refused" {
	refused format
	refused format a b
	refused open
	refused open a b c
	refused close
	refused close --all x
	refused list x
	refused dump
	refused dump a b
	refused revoke
	refused revoke --all x
	refused hold
	refused restore
	refused restore --all x
}

@test "a name that device-mapper or a path would read otherwise is refused" {
	for name in a/b . .. control -x 'a b' "$(printf '%081d' 0)"; do
		refused open /dev/null --kek service -- "$name"
	done
}

@test "with --json an error is one object with status, code and message" {
	run --separate-stderr "$CMKCTL" frobnicate --json
	[ "$status" = 2 ]
	run --separate-stderr "$CMKCTL" --json revoke
	[ "$status" = 2 ]
	[ -z "$output" ]
	[ "$(jq -r .error.status <<<"$stderr")" = 2 ]
	[ "$(jq -r .error.code <<<"$stderr")" = usage ]
	[ "$(jq -r .error.retryable <<<"$stderr")" = false ]
	[[ $(jq -r .error.message <<<"$stderr") == *--all* ]]
}

@test "a device that is none is unsuitable, not a matter of usage" {
	run "$CMKCTL" format /dev/null
	[ "$status" = 6 ]
	run "$CMKCTL" format /nowhere
	[ "$status" = 6 ]
	run "$CMKCTL" dump /dev/null
	[ "$status" = 6 ]
	[[ $output == *"neither a block device nor a file"* ]]
	truncate -s 16M "$BATS_TEST_TMPDIR/empty"
	run "$CMKCTL" dump "$BATS_TEST_TMPDIR/empty"
	[ "$status" = 6 ]
	[[ $output == *"no cmk header"* ]]
}

@test "status and list without module and agent show nothing, with status 0" {
	[ ! -e /sys/module/dm_cmk ] || skip "the module is loaded here"
	run "$CMKCTL" --json status
	[ "$status" = 0 ]
	[ "$(jq -c .volumes <<<"$output")" = '[]' ]
	run "$CMKCTL" --json status --check
	[ "$status" = 0 ]
	run "$CMKCTL" revoke --all
	[ "$status" = 6 ]
	[[ $output == *dm-cmk* ]]
}
