#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.1 6.12
# cmk-mode: plain
# cmk-disk: 64M
# cmk-timeout: 400
#
# 32 readers and 32 writers, then a revoke: what was submitted after its
# return fails with ENODEV, what was under way ends within a second, nobody
# hangs, and after a restore the volume serves the same data.

load ../lib/guest
load cmk

ROUNDS=${CMK_LONG:+50}
ROUNDS=${ROUNDS:-5}

setup() {
	modprobe dm-cmk
	cmk_create cmk "$CMK_DISK" 16384 0 0 98304
	set_keys "$KEY_A" "$KEY_B" "$KEY_A" "$KEY_B" "$KEY_A" "$KEY_B"
}

teardown() { gone cmk; }

restore() {
	nl "${1:-restore} $UUID 3600 hold" "set $UUID 0 1 $KEY_A" \
		"set $UUID 1 1 $KEY_B" "set $UUID 2 1 $KEY_A" \
		"set $UUID 3 1 $KEY_B" "set $UUID 4 1 $KEY_A" \
		"set $UUID 5 1 $KEY_B"
}

@test "revoke under load, $ROUNDS rounds" {
	local round storm answer returned took=()

	for round in $(seq "$ROUNDS"); do
		iostorm /dev/mapper/cmk 32 32 60 >/tmp/storm &
		sleep "1.$((RANDOM % 10))"
		answer=$(nl "revoke $UUID")
		wait $!
		storm=$(cat /tmp/storm)
		echo "$answer $storm"
		returned=$(field end "$answer")
		[ "$(field errors "$storm")" = 64 ]
		[ "$(field errno "$storm")" = ENODEV ]
		[ "$(field last_ok_submit "$storm")" -le "$returned" ]
		[ "$(field last_error "$storm")" -le $((returned + 1000000)) ]
		took+=($((returned - $(field begin "$answer"))))
		[[ "$(dmsetup status cmk)" == *"gate=revoked cause=kek-deleted sticky=0"*live=0* ]]
		restore
	done
	echo "# revoke took $(printf '%s\n' "${took[@]}" | sort -n |
		sed -n "$(((ROUNDS + 1) / 2))p;\$p" | tr '\n' ' ')us" \
		"(median, worst of $ROUNDS)" >&3
}

@test "10 seconds after a revoke nobody hangs on it" {
	iostorm /dev/mapper/cmk 32 32 60 >/tmp/storm &
	sleep 1
	nl "admin-revoke $UUID"
	sleep 10
	no_d_state
	wait $!
}

@test "through the page cache the error is EIO" {
	nl "revoke $UUID"
	drop_caches /dev/mapper/cmk
	run dd if=/dev/mapper/cmk of=/dev/null bs=4k count=1
	[[ "$output" == *"Input/output error"* || "$output" == *"No such device"* ]]
}

@test "a restore brings the same data back" {
	pattern 8388608 before >/tmp/before
	dd if=/tmp/before of=/dev/mapper/cmk bs=1M seek=4 oflag=direct \
		status=none
	nl "revoke $UUID"
	run dd if=/dev/mapper/cmk of=/dev/null bs=4k count=1 iflag=direct
	[ "$status" = 1 ]
	restore
	dd if=/dev/mapper/cmk bs=1M skip=4 count=8 iflag=direct status=none |
		cmp - /tmp/before
	rm /tmp/before
}

@test "an administrator's revoke needs an administrator's restore" {
	nl "admin-revoke $UUID"
	run restore restore
	[[ "$output" == *EPERM* ]]
	run restore admin-restore
	[ "$status" = 0 ]
	dd if=/dev/mapper/cmk of=/dev/null bs=1M count=8 iflag=direct \
		status=none
}

@test "a revoke by dmsetup message does the same" {
	dmsetup message cmk 0 revoke
	[[ "$(dmsetup status cmk)" == *"gate=revoked cause=admin sticky=1"* ]]
	run dd if=/dev/mapper/cmk of=/dev/null bs=4k count=1 iflag=direct
	[ "$status" = 1 ]
}

@test "a filesystem on it fails and can be mounted again after a restore" {
	mkfs.ext4 -q /dev/mapper/cmk
	mkdir -p /tmp/mnt
	mount /dev/mapper/cmk /tmp/mnt
	pattern 1048576 file >/tmp/mnt/file
	sync
	nl "revoke $UUID"
	echo 3 >/proc/sys/vm/drop_caches
	run cat /tmp/mnt/file
	[ "$status" != 0 ]
	umount /tmp/mnt
	restore
	e2fsck -fy /dev/mapper/cmk >/dev/null || [ $? -lt 4 ]
	mount /dev/mapper/cmk /tmp/mnt
	pattern 1048576 file | cmp - /tmp/mnt/file
	umount /tmp/mnt
}
