#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 96M
# cmk-timeout: 800
#
# One range of a volume is re-encrypted in place: to what dm-crypt makes with
# the new key, under load, through hold, revoke, suspend and reload, and from
# the record when the volume is made anew.

load ../lib/guest
load cmk
load rekey

# KiB a second, of 4 MiB: what is to come in the middle may come late
SLOW=400

setup() {
	modprobe -a dm-cmk dm-crypt
	no_record
}

teardown() { gone cmk oracle; }

opened() {	# [option...]
	rekey_create "$@"
	rekey_keys
	fill seed
}

finished() {	# [sector size]
	reach complete
	same seed
	rekey_done
	reach none 10
	same seed
	as_dm_crypt "$NEW" 1 seed "$@"
	as_dm_crypt "$KEY_B" 0 seed "$@"
	as_dm_crypt "$KEY_B" 2 seed "$@"
}

@test "the range is under the new key, the others are as they were" {
	opened
	nl "!rekey-done $UUID 1 $RUN 8 $MAC" "!$(rekey_line resume)"
	rekey_arm
	[ "$(status rekey)" = armed ]
	drain
	finished
	run nl "ranges $UUID"
	echo "$output"
	[[ "$output" == *"0+1:live:1"*"1+1:live:2"*"2+2:live:1"* ]]
	# The old key is gone for good.
	nl "drop $UUID 1"
	nl "!set $UUID 1 1 $OLD" "set $UUID 1 2 $NEW"
	same seed
}

@test "512-byte sectors" {
	opened sector_size:512
	rekey_start
	finished 512
}

@test "what is written meanwhile is under the right key" {
	opened
	rekey_start bandwidth=1000
	# All of the range, in pieces of all sizes, while the cursor moves.
	fill other &
	writer=$!
	fio --name=r --filename=/dev/mapper/cmk --rw=randread --direct=1 \
		--ioengine=libaio --iodepth=8 --bssplit=4k/60:64k/20:1m/20 \
		--offset=4M --size=4M --time_based --runtime=2 \
		--output=/tmp/fio.log
	wait $writer
	reach complete
	same other
	rekey_done
	reach none
	as_dm_crypt "$NEW" 1 other
}

@test "verified load over the whole volume" {
	opened
	fio --name=v --filename=/dev/mapper/cmk --rw=randrw --direct=1 \
		--ioengine=libaio --iodepth=16 --offset=2M --size=8M \
		--bssplit=4k/50:16k/20:64k/15:1m/15 --verify=crc32c \
		--verify_backlog=64 --time_based --runtime=5 \
		--output=/tmp/fio.log &
	fio=$!
	rekey_start bandwidth=1000
	for _ in 1 2 3; do
		sleep 1
		drain
	done
	wait $fio || { cat /tmp/fio.log; false; }
	reach complete
	rekey_done
	reach none
}

@test "discards on either side of the cursor" {
	modprobe loop
	truncate -s 96M /tmp/backing
	DISK=$(losetup -f --show /tmp/backing)
	opened allow_discards
	rekey_start bandwidth=$SLOW
	beyond 2048
	nl "rekey-pause $UUID" >/dev/null
	reach paused
	for at in $RANGE $((2 * RANGE - 512)); do
		timeout 20 diotool discard /dev/mapper/cmk $((at * 512)) 262144
		cmp -n 262144 -i $(((DATA + at) * 512)):0 /tmp/backing \
			/dev/zero
	done
	nl "rekey-resume $UUID" >/dev/null
	reach complete
	# What lies between them is as it was.
	cmp <(dd if=/dev/mapper/cmk bs=256k skip=$((RANGE / 512 + 1)) \
		count=$((RANGE / 512 - 2)) iflag=direct status=none) \
		<(dd if="$(data seed)" bs=256k skip=$((RANGE / 512 + 1)) \
			count=$((RANGE / 512 - 2)) status=none)
	gone cmk
	losetup -d "$DISK"
	rm /tmp/backing
}

@test "pause and go on" {
	opened
	rekey_start paused
	reach paused
	[ "$(status rekey_done)" = 0 ]
	same seed
	nl "rekey-resume $UUID"
	nl "rekey-pause $UUID"
	reach paused
	same seed
	nl "rekey-resume $UUID"
	finished
}

@test "a hold in the middle, a revoke in the middle" {
	opened
	rekey_start bandwidth=$SLOW
	beyond 2048
	nl "hold $UUID"
	reach pending
	[[ "$(dmsetup status cmk)" == *"live=0 "* ]]
	nl "restore $UUID 3600 hold" "set $UUID 0 1 $KEY_B" \
		"!set $UUID 1 1 $OLD"
	# One key alone is not enough, and others are not taken.
	nl "!$(rekey_line resume)" "!$(rekey_line resume "old=$KEY_B")"
	rekey_go_on bandwidth=$SLOW
	beyond 4096
	nl "revoke $UUID"
	reach pending
	nl "restore $UUID 3600 hold"
	rekey_keys || true
	rekey_go_on
	nl "set $UUID 2 1 $KEY_B" "set $UUID 3 1 $KEY_B"
	finished
}

@test "a reload in the middle" {
	opened
	rekey_start bandwidth=$SLOW
	beyond 2048
	dmsetup reload cmk --table "$(cmk_table "$CMK_DISK" $RANGE 0 $DATA \
		$SECTORS record:$RECORD crypt:queued)"
	drain
	[ "$(status rekey)" = running ]
	run dmsetup reload cmk --table "$(cmk_table "$CMK_DISK" $RANGE 0 \
		$DATA $SECTORS)"
	[ "$status" != 0 ]
	finished
}

@test "a volume made anew finds the rekey in its record" {
	opened
	rekey_start bandwidth=$SLOW
	beyond 4096
	gone cmk
	rekey_create key_timeout:1
	[ "$(status rekey)" = pending ]
	[ "$(status rekey_done)" -ge 4096 ]
	# Neither key opens the range, whatever the agent believes.
	nl "!set $UUID 1 1 $OLD" "!set $UUID 1 2 $NEW"
	run dd if=/dev/mapper/cmk bs=4k skip=1024 count=1 iflag=direct \
		of=/tmp/out
	[ "$status" != 0 ]
	# Another MAC key, another run, another pair
	MAC_KEY=${MAC/21/22} rekey_go_on
	reach pending
	[ "$(status rekey_error)" = 129 ]
	nl "!$(RUN=0123456789abcdee rekey_line resume "old=$OLD")"
	rekey_go_on
	others
	finished
}

others() {
	nl "set $UUID 0 1 $KEY_B" "set $UUID 2 1 $KEY_B" \
		"set $UUID 3 1 $KEY_B" >/dev/null
}

read_only() {
	gone cmk
	dmsetup create --readonly cmk --uuid "CMK-$UUID-cmk" --table \
		"$(cmk_table "$CMK_DISK" $RANGE 0 $DATA $SECTORS \
			record:$RECORD)"
}

@test "under a read-only table nothing is written, what can be read is" {
	local before

	opened
	read_only
	rekey_keys
	run nl "$(rekey_line)"
	[[ "$output" == *"EROFS: "* ]]
	gone cmk
	rekey_create
	rekey_keys
	rekey_start paused
	reach paused
	before=$(sha256sum <"$CMK_DISK")
	read_only
	[ "$(status rekey)" = pending ]
	rekey_go_on
	others
	same seed
	reach pending
	[ "$(status rekey_error)" = 30 ]
	gone cmk
	drop_caches "$CMK_DISK"
	[ "$(sha256sum <"$CMK_DISK")" = "$before" ]
	rekey_create
	rekey_go_on
	others
	finished
}

@test "a record complete opens with the new key alone" {
	opened
	rekey_start
	reach complete
	gone cmk
	rekey_create
	[ "$(status rekey)" = complete ]
	nl "!set $UUID 1 1 $OLD" "set $UUID 1 2 $NEW" "set $UUID 0 1 $KEY_B" \
		"set $UUID 2 1 $KEY_B" "set $UUID 3 1 $KEY_B"
	finished
	gone cmk
	rekey_create
	[ "$(status rekey)" = none ]
	# The header of before the rekey is refused.
	rekey_keys
	nl "!$(rekey_line)"
}

@test "a damaged record is refused" {
	opened
	rekey_start bandwidth=$SLOW
	beyond 4096
	gone cmk
	for at in 0 511 1048600; do
		dd if="$CMK_DISK" of=/tmp/area bs=1M skip=4 count=4 status=none
		byte=$(xxd -s $at -l 1 -p /tmp/area)
		printf "%02x" $((0x$byte ^ 1)) | xxd -r -p |
			dd of="$CMK_DISK" bs=1 seek=$((4194304 + at)) \
				conv=notrunc,fsync status=none
		run rekey_create
		[ "$status" != 0 ]
		dmesg | tail -n 3 | grep -q "The record area is damaged"
		dd if=/tmp/area of="$CMK_DISK" bs=1M seek=4 oflag=direct \
			status=none
	done
	rekey_create
	rekey_go_on
	others
	finished
}
