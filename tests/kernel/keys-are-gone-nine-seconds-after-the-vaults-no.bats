#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: plain
# cmk-disk: 256M
# cmk-timeout: 600
#
# With the strict profile no I/O succeeds later than 9 s after the vault
# deleted or disabled the key, withdrew the permission, or the key expired.
# When the vault takes it back, the volume comes back by itself, with its data.
# Vault, volume and both clocks are on one machine.

load ../lib/guest
load cmk
load agent

RUNS=${CMK_LONG:+10}
RUNS=${RUNS:-2}
LIMIT=9000000

setup() {
	modprobe dm-cmk
	vault_start
	agent_config
	agent_start
	volume_make
	pattern 1048576 mark >"$BATS_TEST_TMPDIR/mark"
}

teardown() { all_down; }

# no COMMAND...: the vault's no; sets NO_AT, when it was in force
no() {
	NO_AT=$(ctl --get boottime_us "$@")
}

# Unix time less boot time, in microseconds; at most 10 ms more than it is
clock_offset() {
	local up now

	read -r up _ </proc/uptime
	now=$EPOCHREALTIME
	echo $((${now/./} - ${up/./}0000))
}

# An expiry is set well before, so that a GET has seen it.
no_by_expiry() {
	local exp=$(($(date +%s) + 12))

	ctl key exp pg $exp >/dev/null
	NO_AT=$((exp * 1000000 - $(clock_offset)))
}

# measure CAUSE NO... -- YES...
measure() {
	local cause=$1 run worst=0 took no=() yes
	shift
	while [ "$1" != -- ]; do
		no+=("$1")
		shift
	done
	shift
	yes=("$@")

	for run in $(seq "$RUNS"); do
		dd if="$BATS_TEST_TMPDIR/mark" of="$VOL" bs=1M seek=200 \
			oflag=direct status=none
		storm_start 60
		sleep "$((RANDOM % 5)).$((RANDOM % 10))"
		"${no[@]}"
		storm_wait
		cat "$BATS_TEST_TMPDIR/storm"
		[ "$(storm_field errors)" = 4 ]
		[ "$(storm_field errno)" = ENODEV ]
		took=$(($(storm_field last_ok_done) - NO_AT))
		[ "$took" -gt 0 ]
		[ "$took" -le "$LIMIT" ]
		[ "$took" -le "$worst" ] || worst=$took
		[[ "$(state)" == "revoked $cause" ]]

		"${yes[@]}" >/dev/null
		wait_state "ready none" 20
		dd if="$VOL" bs=1M skip=200 count=1 iflag=direct status=none |
			cmp - "$BATS_TEST_TMPDIR/mark"
	done
	echo "# $cause: worst of $RUNS $((worst / 1000)) ms" >&3
}

@test "the key is deleted" {
	measure kek-deleted no key delete pg -- ctl key recover pg
}

@test "the key is disabled" {
	measure kek-disabled no key disable pg -- ctl key enable pg
}

@test "the permission is withdrawn, access policy" {
	measure no-permission no deny default unwrapKey -- \
		ctl allow default unwrapKey
}

@test "the permission is withdrawn, role" {
	measure no-permission no deny default unwrapKey --style rbac -- \
		ctl allow default unwrapKey
}

@test "the key expires" {
	measure kek-expired no_by_expiry -- ctl key exp pg none
}
