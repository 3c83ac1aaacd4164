#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 96M
# cmk-timeout: 900
#
# What cuts a rekey off in the middle: a device or a cipher that fails, memory
# that is short, keys that end.  It stops, says why and where, serves what it
# can, and goes on to the same end.

load ../lib/guest
load cmk
load fail
load lower
load rekey

# KiB a second, of 4 MiB: what is to come in the middle may come late
SLOW=200

setup() {
	modprobe -a dm-cmk dm-crypt dm-flakey dm-delay
	lower
	no_record
}

teardown() {
	[ ! -e $FAIL ] || fail_unload
	gone cmk oracle disk
	[ -z "${WHOLE-}" ] || losetup -d "$CMK_DISK"
}

opened() {	# [option...]
	rekey_create "$@"
	rekey_keys
	fill seed
}

others() {
	nl "set $UUID 0 1 $KEY_B" "set $UUID 2 1 $KEY_B" \
		"set $UUID 3 1 $KEY_B" >/dev/null
}

finished() {
	reach complete
	same seed
	rekey_done
	reach none 10
	same seed
	as_dm_crypt "$NEW" 1 seed
	as_dm_crypt "$KEY_B" 2 seed
}

# part OP FIRST COUNT: sectors of the volume, read and compared, or written
part() {
	dd if="$(data seed)" of=/tmp/part bs=4k skip=$(($2 / 8)) \
		count=$(($3 / 8)) status=none
	case $1 in
	read)
		dd if=/dev/mapper/cmk of=/tmp/out bs=4k skip=$(($2 / 8)) \
			count=$(($3 / 8)) iflag=direct status=none &&
			cmp /tmp/part /tmp/out
		;;
	write)
		dd if=/tmp/part of=/dev/mapper/cmk bs=4k seek=$(($2 / 8)) \
			oflag=direct conv=notrunc status=none
		;;
	esac
}

# stopped ERROR SECTOR: with that
stopped() {
	reach pending
	dmsetup status cmk
	[ "$(status rekey_error)" = "$1" ]
	[ "$(status rekey_sector)" = "$2" ]
}

# Its fourth stripe
STRIPE=$((RANGE + 3072))

@test "a sector that cannot be read" {
	opened
	lower $((DATA + STRIPE + 64)) 8 error
	rekey_start
	stopped 5 $STRIPE
	[ "$(status rekey_done)" = 3072 ]
	# All but that sector is served, by the keys that are right.
	part read 0 $((STRIPE + 64))
	part read $((STRIPE + 72)) $((SECTORS - STRIPE - 72))
	part write $((STRIPE + 72)) 512
	part write $RANGE 512
	lower
	rekey_arm resume
	finished
}

@test "a stripe that cannot be written" {
	opened key_timeout:1
	no_writes $((DATA + STRIPE)) 1024
	rekey_start
	stopped 5 $STRIPE
	# It may be half old, half new: nobody reads it.
	run part read $STRIPE 8
	[ "$status" != 0 ]
	part read 0 $STRIPE
	part read $((STRIPE + 1024)) $((SECTORS - STRIPE - 1024))
	part write $((STRIPE + 1024)) 512
	part write $RANGE 512
	# It can be asked again in vain.
	rekey_arm resume
	stopped 5 $STRIPE
	lower
	rekey_arm resume
	finished
}

@test "a record that cannot be written" {
	opened
	rekey_start bandwidth=$SLOW
	beyond 2048
	no_writes $RECORD 8192
	reach pending
	[ "$(status rekey_error)" = 5 ]
	same seed
	part write $RANGE 512
	part write $((2 * RANGE - 512)) 512
	lower
	rekey_arm resume
	finished
}

# first_records_fail FRONT: of each that much is there, and harms nothing later
first_records_fail() {
	local place RANGE=2048 SECTORS=8192

	for place in 0 2048; do
		opened
		no_writes $((RECORD + place + $1)) 64
		rekey_start
		stopped 5 $RANGE
		[ "$(status rekey_done)" = 0 ]
		same seed
		lower
		rekey_arm resume
		reach complete
		same seed
		gone cmk
		rekey_create
		[ "$(status rekey)" = complete ]
		nl "set $UUID 1 2 $NEW" >/dev/null
		others
		same seed
		rekey_done
		reach none 10
		gone cmk
		no_record
	done
}

@test "either of the first two records cannot be written" {
	first_records_fail 0
}

@test "likewise but for its front, on a disk of 4096-byte blocks" {
	gone disk
	modprobe loop
	WHOLE=$CMK_DISK
	CMK_DISK=$(losetup --show -f -b 4096 --direct-io=on "$WHOLE")
	[ "$(blockdev --getss "$CMK_DISK")" = 4096 ]
	lower
	first_records_fail 8
}

@test "a device that fails altogether, and the volume made anew" {
	opened
	rekey_start bandwidth=$SLOW
	beyond 2048
	lower 8 $(($(sectors "$CMK_DISK") - 16)) error
	reach pending
	[ "$(status rekey_error)" = 5 ]
	gone cmk
	run rekey_create
	[ "$status" != 0 ]
	dmesg | tail -n 3 | grep -q "The record area cannot be read"
	lower
	rekey_create
	[ "$(status rekey)" = pending ]
	rekey_go_on
	others
	finished
}

@test "a lease that lapses, to held and to revoked" {
	rekey_create lease
	nl "renew $UUID 3600 hold" >/dev/null
	rekey_keys
	fill seed
	rekey_start bandwidth=$SLOW
	for lapse in hold revoke; do
		beyond $(($(status rekey_done) + 1024))
		nl "renew $UUID 1 $lapse" >/dev/null
		reach pending
		[ "$(status live)" = 0 ]
		[ "$(status cause)" = lease ]
		[ "$(status rekey_error)" = 0 ]
		nl "!$(rekey_line resume "old=$OLD")" \
			"restore $UUID 3600 hold" >/dev/null
		rekey_go_on bandwidth=$SLOW
		others
	done
	finished
}

@test "a key that is dropped, and a hold while it pauses" {
	opened
	rekey_start bandwidth=$SLOW
	beyond 2048
	nl "drop $UUID 1" >/dev/null
	reach pending
	[ "$(status live)" = 3 ]
	part read 0 $RANGE
	rekey_go_on paused
	reach paused
	part read $RANGE $RANGE
	nl "hold $UUID" >/dev/null
	[ "$(status rekey)" = pending ]
	nl "restore $UUID 3600 hold" >/dev/null
	# Nothing is left to go on with.
	nl "!$(rekey_line resume)" >/dev/null
	rekey_go_on
	others
	finished
}

@test "a revoke, with the stripe in flight at a device that hangs" {
	opened
	lower $((DATA + RANGE)) 1024 delay "$CMK_DISK" $((DATA + RANGE)) 8000
	rekey_start
	sleep 1
	run nl "revoke $UUID"
	echo "$output"
	took=$(($(field end "$output") - $(field begin "$output")))
	echo "# took $took us" >&3
	[ "$took" -lt 3000000 ]
	[ "$(status live)" = 0 ]
	[ "$(status rekey)" = running ]
	reach pending
	lower
	nl "restore $UUID 3600 hold" >/dev/null
	rekey_go_on
	others
	finished
}

# reads_sent: how many the volume has under way; dm-delay counts none of those
# that it keeps
reads_sent() {
	local minor

	minor=$(dmsetup info -c --noheadings -o minor cmk)
	awk '{print $1}' "/sys/block/dm-$((minor))/inflight"
}

@test "a read that the last rekey left under way delays the next" {
	opened
	rekey_start bandwidth=50
	beyond 1024
	# From now on reads of its first stripe take 20 s.
	lower $((DATA + RANGE)) 1024 delay "$CMK_DISK" $((DATA + RANGE)) 20000 \
		"$CMK_DISK" $((DATA + RANGE)) 0
	part read $RANGE 8 &
	reader=$!
	until [ "$(reads_sent)" -ge 1 ]; do
		kill -0 $reader
		sleep 0.1
	done
	nl "rekey-resume $UUID" >/dev/null
	reach complete
	rekey_done
	reach none 10
	next="rekey $UUID 2 fedcba9876543210 9 $MAC 1 2 $NEW"
	kill -0 $reader
	run nl "!$next"
	echo "$output"
	[[ "$output" == *EBUSY* ]]
	wait $reader
	nl "$next"
	lower
	drain
	reach complete
	same seed
}

@test "memory that is short" {
	opened
	modprobe cmk-fail
	errors=0
	# Each allocation of a start in its turn, of many alike some
	for ((n = 1; ; n += n < 60 ? 1 : 20)); do
		fail_from $n 1 $FAIL_DEEP
		run rekey_arm_told
		fail_end
		[ "$failed" != 0 ] || break
		[ "$status" != 0 ] || continue
		echo "allocation $n: $output"
		[[ "$output" =~ ENOMEM|"out of memory" ]]
		errors=$((errors + 1))
	done
	[ "$status" = 0 ]
	echo "# $errors of the first $n allocations end a start" >&3
	[ $errors -ge 10 ]
	# What it needs it has: it ends with none.
	fail_from 1 all $FAIL_DEEP
	drain
	reach complete
	same seed
	run nl "!rekey-done $UUID 1 $RUN 8 $MAC"
	fail_end
	echo "# $failed allocations failed meanwhile" >&3
	[[ "$output" =~ ENOMEM|"out of memory" ]]
	finished
}

@test "a cipher that fails in what another CPU does for the worker" {
	opened
	modprobe cmk-fail cipher=1 without=cmk_rekey_work task=kworker
	# Of 32 blocks of a stripe's half, the eighth, in either direction.
	for n in 1 8; do
		fail_from $n 1 $FAIL_DEEP
		case $n in
		1) rekey_start bandwidth=$SLOW ;;
		*) rekey_go_on bandwidth=$SLOW ;;
		esac
		reach pending
		fail_end
		dmsetup status cmk
		[ "$failed" = 1 ]
		[ "$(status rekey_error)" = 5 ]
		[ "$(status rekey_sector)" = $((RANGE + $(status rekey_done))) ]
		same seed
	done
	rekey_go_on
	finished
}

rekey_arm_told() { nl "$(rekey_line)"; }

@test "it takes the time that it is given" {
	opened
	# KiB a second: 4 MiB take 4 s, but for the last stripe's rest.
	begin=${EPOCHREALTIME/./}
	rekey_start bandwidth=1024
	reach complete
	[ $((${EPOCHREALTIME/./} - begin)) -ge 3000000 ]
	rekey_done
	reach none 10
	gone cmk
	no_record

	# A stripe is four I/Os of 50 ms and rests three times as long.
	opened
	lower 8 $(($(sectors "$CMK_DISK") - 16)) delay "$CMK_DISK" 8 50
	begin=${EPOCHREALTIME/./}
	rekey_start duty=25
	beyond 4096
	[ $((${EPOCHREALTIME/./} - begin)) -ge 2400000 ]
	# Other limits count at once.
	nl "rekey-resume $UUID" >/dev/null
	lower
	finished
}
