#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 32M
# cmk-timeout: 900
#
# The device below a volume fails, or the kernel's memory is short, while a
# rekey is under way that cmkctl has ordered.  Who watches hears what and where
# it is and what comes next, and so does who asks; the volume is served; and
# when the device is well the rekey comes to its end, by itself or on a word.

load ../lib/guest
load cmk
load agent
load agent-rekey
load fail
load lower

# Sectors: of the disk, where the data begins; of the volume, where range 1
# does; and what lies where in the header.
DATA=32768
FIRST=8192
RECORD=8192
COPY_B=24576

setup() {
	modprobe -a dm-cmk dm-flakey
	vault_start
	agent_config LeaseTTL=2min
	helper_start
	agent_start
}

# begin [DEVICE]: the volume
begin() {
	DEVICE=${1:-$DISK}
	[ "$DEVICE" != $DISK ] || lower
	make_volume hk "$DEVICE"
	before=$(ciphertext 1 "$DEVICE")
}

teardown() {
	[ ! -e $FAIL ] || fail_unload
	all_down
	helper_stop
	gone disk
	[ ! -e /sys/module/scsi_debug ] || modprobe -r scsi_debug
}

rekey() { timeout 100 cmkctl rekey vol --range 1 "$@"; }
order() { cmkctl --json status vol | jq -r ".volumes[0] | $1"; }

# fails FIRST LENGTH: writes do; no flush is sent, which flakey would fail, too
fails() {
	no_writes "$@"
	echo "write through" >"/sys/block/$(dmsetup info -c --noheadings \
		-o blkdevname disk)/queue/write_cache"
}

# stopped_at SECTOR [ERROR]: so it says, to who has watched and to who asks
stopped_at() {
	local what="range 1, sector $1 of the volume: ${2:-Input/output error}"

	echo "$output"
	[ "$status" = 7 ]
	[[ "$output" == *"the rekey has stopped: $what"* ]]
	[[ "$output" == *"it is tried again"*"cmkctl rekey --resume"* ]]
	run cmkctl status vol
	echo "$output"
	[[ "$output" == *"range 1 pending"*"$what"* ]]
	[ "$(order .state)" = ready ]
	[ "$(order .rekey.sector)" = "$1" ]
	[ "$(order .rekey_order.first)" = 1 ]
	grep "rekey has stopped: $what" "$BATS_TEST_TMPDIR/cmkd.log"
}

ended() {
	until_done 90
	same begin
	[ "$(ciphertext 1 "$DEVICE")" != "$before" ]
	before=$(ciphertext 1 "$DEVICE")
	cmkctl header check "$DEVICE"
}

# medium_disk FIRST COUNT: a RAM disk as MEDIUM, with such bad sectors while
# `medium_fails 2`
medium_disk() {
	local tries

	modprobe sd_mod
	modprobe scsi_debug dev_size_mb=32 sector_size=512 delay=0 \
		medium_error_start="$1" medium_error_count="$2"
	for ((tries = 0; tries < 100; tries++)); do
		for MEDIUM in /sys/block/sd*; do
			[ -e "$MEDIUM" ] || continue
			MEDIUM=/dev/${MEDIUM##*/}
			return
		done
		sleep 0.1
	done
	return 1
}

medium_fails() { echo "$1" >/sys/bus/pseudo/drivers/scsi_debug/opts; }

@test "a sector that cannot be read" {
	medium_disk $((DATA + FIRST + 3072 + 64)) 8
	begin "$MEDIUM"
	medium_fails 2
	run rekey
	stopped_at $((FIRST + 3072)) "the medium cannot be read there"
	run cmkctl rekey vol --attach
	[ "$status" = 7 ]
	medium_fails 0
	# By itself, after a while.
	ended
}

@test "writes of the data and of the record that fail" {
	begin
	fails $((DATA + FIRST + 3072)) 1024
	run rekey
	stopped_at $((FIRST + 3072))
	cmkctl rekey vol --resume
	sleep 1
	until_rekey pending 30
	lower
	cmkctl rekey vol --resume
	ended

	fails $RECORD 8192
	run rekey
	stopped_at $FIRST
	same begin
	lower
	cmkctl rekey vol --resume
	ended
}

@test "a header of which one copy cannot be written" {
	begin
	fails $COPY_B 4096
	run rekey
	echo "$output"
	[ "$status" = 1 ]
	[[ "$output" == *"only copy A of the header"*"Input/output error"* ]]
	[ "$(rekey_field rekey)" = none ]
	same begin
	# What it left there is in nobody's way.
	lower
	rekey
	ended

	# And at the end, when all of the data is under the new key
	rekey --bandwidth 512K >"$BATS_TEST_TMPDIR/rekey" 2>&1 & REKEY_PID=$!
	until_rekey running 60
	fails $COPY_B 4096
	rc=0
	wait $REKEY_PID || rc=$?
	cat "$BATS_TEST_TMPDIR/rekey"
	[ $rc = 7 ]
	grep "the rekey has stopped: only copy A of the header" \
		"$BATS_TEST_TMPDIR/rekey"
	[ "$(rekey_field rekey)" = complete ]
	[[ "$(order .rekey_order.stopped)" == *"only copy A of the header"* ]]
	same begin
	lower
	ended
}

asked() { wc -l <"$KV_DIR/requests.log"; }

@test "a record that cannot be cleared" {
	local before_it

	begin
	cmkctl rekey vol --range 1 --bandwidth 512K --detach
	kill -STOP "$AGENT_PID"
	until_rekey complete 60
	fails $RECORD 8192
	kill -CONT "$AGENT_PID"
	run cmkctl rekey vol --attach
	echo "$output"
	[ "$status" = 7 ]
	[[ "$output" == *"range 1, sector "*"Input/output error"* ]]
	# It is tried again, and the vault not asked all the time.
	before_it=$(asked)
	sleep 5
	[ $(($(asked) - before_it)) -le 8 ]
	[ "$(rekey_field rekey)" = complete ]
	same begin
	lower
	ended
}

# Each of the agent's commands asks the kernel's allocators for something.
@test "memory that is short" {
	local n errors=0

	begin
	modprobe cmk-fail task=cmkd
	for n in 1 5; do
		fail_from $n 1 $FAIL_DEEP
		run rekey
		fail_end
		echo "allocation $n of $failed: $status $output"
		[ "$failed" = 1 ]
		[ "$status" = 0 ] || {
			errors=$((errors + 1))
			[ "$status" = 5 ]
			[[ "$output" == *"kernel: "* ]]
			rekey
		}
		ended
	done
	echo "# $errors of 2 failed allocations end an order" >&3
	[ $errors -ge 1 ]
}
