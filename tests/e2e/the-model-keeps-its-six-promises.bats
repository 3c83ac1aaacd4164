#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The model of agent, kernel and vault (Documentation/model.rst) keeps P1 to P6
# in every state that it can reach; and with one thing done wrongly the promise
# that hangs on it fails, so that none of them is empty.  A search that was cut
# short shows nothing and fails, too.
#
# cmk-timeout: 900

RUN=$BATS_TEST_DIRNAME/../model/run.py

setup() {
	LONG=()
	[ -z "${CMK_LONG:-}" ] || LONG=(--long)
}

# searches holds|fails PROMISE: all of its searches are as they must be
searches() {
	local names

	mapfile -t names < <("$RUN" list "$1" "${LONG[@]}" |
			     grep "^$2\\b")
	[ "${#names[@]}" -gt 0 ]
	"$RUN" "$1" "${names[@]}" | sed 's/^/# /' >&3
	return "${PIPESTATUS[0]}"
}

@test "P1: refused and confirmed, the keys are gone in the time that is told" {
	searches holds P1
	searches fails P1
}

@test "P2: without a proof the keys end with OfflineGrace" {
	searches holds P2
	searches fails P2
}

@test "P3: without a renewal the keys end with LeaseTTL" {
	searches holds P3
	searches fails P3
}

@test "P4: nobody refuses and nothing lasts too long: no I/O fails or waits" {
	searches holds P4
	searches fails P4
}

@test "P5: what an administrator revoked stays so until he restores it" {
	searches holds P5
	searches fails P5
}

@test "P6: no message of before revives what has lapsed or was revoked" {
	searches holds P6
	searches fails P6
}

@test "a search that is cut short is no proof" {
	run "$RUN" holds --depth 100 P3
	[ "$status" = 1 ]
	[[ $output == *"not all was searched"* ]]
}
