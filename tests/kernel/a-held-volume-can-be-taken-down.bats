#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
#
# A held volume on which I/O waits is suspended, gets a new table and is removed
# by force.  A suspend that flushes waits for what is held, and thus for the end
# of the hold or for a revoke.  One that does not leaves the I/O to the next
# table: that of a new volume, where it goes on waiting, or that of dmsetup
# remove --force, where it fails at once.

load ../lib/guest
load cmk

SIZE=65536
# Seconds, for who waits for its end; and for who must not
SHORT=12 LONG=600

setup() { modprobe dm-cmk; }

teardown() {
	[ ! -e /dev/mapper/cmk ] || dmsetup message cmk 0 revoke || true
	wait
	[ ! -e /dev/mapper/cmk ] || dmsetup resume cmk
	gone cmk
	rm -f /tmp/data /tmp/out /tmp/dd /tmp/dd2
}

# held SECONDS: with a read and a write that wait
held() {
	cmk_create cmk "$CMK_DISK" $SIZE 0 0 $SIZE "hold_timeout:$1"
	set_keys "$KEY_A"
	pattern 1048576 held >/tmp/data
	dd if=/tmp/data of=/dev/mapper/cmk bs=1M oflag=direct status=none
	nl "hold $UUID"
	dd if=/dev/mapper/cmk of=/tmp/out bs=1M count=1 iflag=direct \
		2>/tmp/dd 3>&- &
	READER=$!
	dd if=/tmp/data of=/dev/mapper/cmk bs=1M seek=1 oflag=direct \
		2>/tmp/dd2 3>&- &
	WRITER=$!
	until [ "$(field parked "$(dmsetup status cmk)")" -ge 2 ]; do
		waits
		sleep 0.1
	done
}

waits() { kill -0 $READER && kill -0 $WRITER; }

# takes MIN MAX COMMAND...: so many seconds; no less, or it has waited for
# nothing
takes() {
	local begin=${EPOCHREALTIME/.} took

	timeout $(($2 + 20)) "${@:3}"
	took=$((${EPOCHREALTIME/.} - begin))
	echo "# $3 $4: $((took / 1000)) ms" >&3
	[ $took -ge $(($1 * 1000000)) ]
	[ $took -le $(($2 * 1000000)) ]
}

# failed_with WORDS: both have
failed_with() {
	if wait $READER || wait $WRITER; then
		return 1
	fi
	grep -q "$1" /tmp/dd
	grep -q "$1" /tmp/dd2
}

@test "suspended with a flush: at the end of the hold" {
	held $SHORT
	takes 1 40 dmsetup suspend cmk
	failed_with "No such device"
	[[ "$(dmsetup status cmk)" == *"gate=revoked cause=hold-timeout"* ]]
}

@test "a flushing suspend that is under way ends by a revoke" {
	local suspend

	held $LONG
	dmsetup suspend cmk 3>&- &
	suspend=$!
	sleep 1
	kill -0 $suspend
	waits
	dmsetup message cmk 0 revoke
	wait $suspend
	failed_with "No such device"
}

@test "a new table, without a flush: at once, and its I/O goes on after" {
	held $LONG
	dmsetup reload cmk --table "$(cmk_table "$CMK_DISK" $SIZE 0 0 $SIZE)"
	takes 0 20 dmsetup resume --noflush --nolockfs cmk
	waits
	nl "restore $UUID 600 hold" "set $UUID 0 1 $KEY_A"
	wait $READER
	wait $WRITER
	cmp /tmp/out /tmp/data
	dd if=/dev/mapper/cmk bs=1M count=1 skip=1 iflag=direct status=none |
		cmp - /tmp/data
}

@test "removed by force: at once, and its I/O fails" {
	held $LONG
	# It does not flush: what waits comes to its table of errors.
	takes 0 20 dmsetup remove --force --retry cmk
	failed_with "Input/output error"
	[ ! -e /dev/mapper/cmk ]
	run nl "get $UUID"
	[[ $output == *ENODEV* ]]
}
