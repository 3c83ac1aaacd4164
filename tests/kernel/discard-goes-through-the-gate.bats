#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.1 6.12
# cmk-mode: plain
# cmk-disk: 64M
#
# Discards are passed down when the table allows them, across ranges; they
# wait while the gate is held and fail when it is revoked.

load ../lib/guest
load cmk

setup() {
	modprobe -a dm-cmk loop
	# brd and loop pass no data through a discard: a sparse file shows it.
	truncate -s 16M /tmp/backing
	dd if=/dev/urandom of=/tmp/backing bs=1M count=16 conv=notrunc \
		status=none
	sync
	LOOP=$(losetup -f --show /tmp/backing)
}

teardown() {
	nl "admin-restore $UUID 60 hold" >/dev/null || true
	gone cmk
	losetup -d "$LOOP"
	rm -f /tmp/backing
}

discard() { timeout 20 diotool discard /dev/mapper/cmk "$@"; }

@test "not allowed unless the table says so" {
	cmk_create cmk "$LOOP" 2048 0 0 8192
	run discard 0 4096
	[ "$status" = 1 ]
	[[ "$output" == *EOPNOTSUPP* ]]
}

@test "across three ranges, and not one byte beyond" {
	local first=$((1048576 - 65536)) len=$((1048576 + 131072))

	cmk_create cmk "$LOOP" 2048 0 0 8192 allow_discards
	cp /tmp/backing /tmp/before
	discard $first $len
	dd if=/tmp/backing bs=64k skip=$((first / 65536)) \
		count=$((len / 65536)) status=none | cmp -n $len - /dev/zero
	cmp -n $first /tmp/before /tmp/backing
	cmp -i $((first + len)) /tmp/before /tmp/backing
	rm /tmp/before
}

@test "waits while held, goes on after a restore" {
	cmk_create cmk "$LOOP" 2048 0 0 8192 allow_discards
	nl "hold $UUID"
	discard 0 65536 &
	sleep 1
	kill -0 $!
	run cmp -n 65536 /tmp/backing /dev/zero
	[ "$status" = 1 ]
	nl "restore $UUID 60 hold"
	wait $!
	cmp -n 65536 /tmp/backing /dev/zero
}

@test "fails when revoked" {
	cmk_create cmk "$LOOP" 2048 0 0 8192 allow_discards
	nl "revoke $UUID"
	run discard 0 65536
	[ "$status" = 1 ]
	[[ "$output" == *ENODEV* ]]
	run cmp -n 65536 /tmp/backing /dev/zero
	[ "$status" = 1 ]
}

@test "more than 4 GiB at once" {
	truncate -s 9G /tmp/big
	big=$(losetup -f --show /tmp/big)
	cmk_create cmk "$big" 2097152 0 0 $((9 << 21)) allow_discards
	run discard 0 $((9 << 30))
	gone cmk
	losetup -d "$big"
	rm /tmp/big
	[ "$status" = 0 ]
}

# Of a disk that discards 4096 bytes, 256 KiB at most: a partition that begins
# at sector 63.
@test "in data units, wherever the device begins one of its own" {
	local dir disk tries

	modprobe sd_mod
	modprobe scsi_debug dev_size_mb=32 sector_size=512 lbpu=1 \
		unmap_granularity=8 unmap_max_blocks=512
	for ((tries = 0; tries < 100; tries++)); do
		for dir in /sys/block/sd*; do
			[ ! -e "$dir" ] || disk=/dev/${dir##*/}
		done
		[ -z "${disk-}" ] || break
		sleep 0.1
	done
	echo "63,60000,L" | sfdisk -q --wipe never "$disk"
	[ "$(cat "/sys/block/${disk##*/}/${disk##*/}1/start")" = 63 ]
	cmk_create cmk "${disk}1" 2048 0 0 57344 allow_discards sector_size:4096
	run discard 0 $((16 << 20))
	echo "$output"
	gone cmk
	rmmod scsi_debug
	[ "$status" = 0 ]
}
