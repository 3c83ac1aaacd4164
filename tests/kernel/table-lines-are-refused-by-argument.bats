#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.1 6.12
# cmk-mode: plain
# cmk-disk: 64M
#
# Every argument of the table line: a wrong one is refused with a text that
# names it, and nothing stays behind.

load ../lib/guest
load cmk

setup() {
	modprobe -a dm-cmk loop
	dmesg -C
}

teardown() { gone cmk other; }

# refused TEXT ARGUMENTS...: the line after "0 <length> cmk"
refused() {
	run dmsetup create cmk --table "0 ${LENGTH:-8192} cmk ${*:2}"
	[ "$status" != 0 ]
	dmesg | tail -n 3 | grep -qF "$1"
	[ ! -e /dev/mapper/cmk ]
	# Nobody has the volume: it can be made.
	dmsetup create cmk --table "0 8192 cmk $UUID 2048 0 $CMK_DISK 0"
	gone cmk
}

@test "too few arguments" {
	refused "Not enough arguments" "$UUID 2048 0 $CMK_DISK"
	refused "Not enough arguments" "$UUID"
}

@test "uuid" {
	refused "Invalid volume uuid" "x 2048 0 $CMK_DISK 0"
	refused "Invalid volume uuid" "${UUID}0 2048 0 $CMK_DISK 0"
	refused "Invalid volume uuid" "${UUID/-/_} 2048 0 $CMK_DISK 0"
}

@test "range_sectors" {
	for n in 0 1024 3000 2049 -2048 2147483648 4294967296 x ''; do
		refused "range_sectors must be a power of two" \
			"$UUID ${n:-""x} 0 $CMK_DISK 0"
	done
}

@test "iv_offset" {
	refused "Invalid iv_offset" "$UUID 2048 -1 $CMK_DISK 0"
	refused "iv_offset is no multiple" "$UUID 2048 4 $CMK_DISK 0"
	refused "Invalid iv_offset" \
		"$UUID 2048 18446744073709551616 $CMK_DISK 0"
}

@test "device" {
	refused "Device lookup failed" "$UUID 2048 0 /dev/nothing 0"
	refused "Device lookup failed" "$UUID 2048 0 /dev/null 0"
}

@test "offset" {
	refused "Invalid device offset" "$UUID 2048 0 $CMK_DISK x"
	refused "Device offset is no multiple of sector_size" \
		"$UUID 2048 0 $CMK_DISK 1"
	# Beyond the end: dm core's own words.
	refused "too small for target" "$UUID 2048 0 $CMK_DISK 1000000"
}

@test "length" {
	LENGTH=8191 refused "Length is no multiple of sector_size" \
		"$UUID 2048 0 $CMK_DISK 0"
}

@test "more than 65536 ranges" {
	truncate -s 80G /tmp/big
	big=$(losetup -f --show /tmp/big)
	LENGTH=$((65537 * 2048)) refused "More than 65536 ranges" \
		"$UUID 2048 0 $big 0"
	dmsetup create cmk --table "0 $((65536 * 2048)) cmk $UUID 2048 0 $big 0"
	dmsetup status cmk | grep -q ranges=65536
	gone cmk
	losetup -d "$big"
	rm /tmp/big
}

@test "options" {
	local line="$UUID 2048 0 $CMK_DISK 0"

	refused "Number of options" "$line x"
	refused "Number of options" "$line 2 no_lease"
	refused "Number of options" "$line 1 no_lease no_lease"
	refused "Unknown option" "$line 1 frobnicate"
	refused "Unknown option" "$line 1 no_leases"
	refused "Unknown option" "$line 1 allow_discards:1"
	for n in 0 256 511 3000 8192 x; do
		refused "sector_size must be" "$line 1 sector_size:$n"
	done
	refused "no_key must be" "$line 1 no_key:maybe"
	refused "key_timeout must be" "$line 1 key_timeout:3601"
	refused "hold_timeout must be" "$line 1 hold_timeout:86401"
	refused "crypt must be" "$line 1 crypt:sometimes"
}

@test "a sector size below the device's block size" {
	truncate -s 64M /tmp/backing
	loop=$(losetup -f --show -b 4096 /tmp/backing)
	refused "sector_size is below" "$UUID 2048 0 $loop 0 1 sector_size:512"
	losetup -d "$loop"
	rm /tmp/backing
}

@test "a uuid that is in use by another mapped device or twice in a table" {
	local one="$UUID 2048 0 $CMK_DISK 0"

	dmsetup create other --table "0 8192 cmk $one"
	run dmsetup create cmk --table "0 8192 cmk $one"
	[ "$status" != 0 ]
	dmesg | grep -qF "in use by another mapped device"
	gone other
	run dmsetup create cmk --table "0 8192 cmk $one
8192 8192 cmk $one"
	[ "$status" != 0 ]
	dmesg | grep -qF "in this table already"
}

@test "a reload that differs names the argument" {
	dmsetup create cmk --table "0 8192 cmk $UUID 2048 0 $CMK_DISK 2048"
	differs() {
		run dmsetup reload cmk --table "0 ${LENGTH:-8192} cmk $2"
		[ "$status" != 0 ]
		dmesg | tail -n 3 | grep -qF "$1"
	}
	differs "iv_offset differs" "$UUID 2048 8 $CMK_DISK 2048"
	differs "range_sectors differs" "$UUID 4096 0 $CMK_DISK 2048"
	differs "offset differs" "$UUID 2048 0 $CMK_DISK 4096"
	differs "sector_size differs" \
		"$UUID 2048 0 $CMK_DISK 2048 1 sector_size:512"
	LENGTH=4096 differs "cannot shrink" "$UUID 2048 0 $CMK_DISK 2048"
}

@test "status and table say what was asked for, and no key" {
	cmk_create cmk "$CMK_DISK" 4096 8 2048 8192 sector_size:512 \
		key_timeout:5 crypt:inline allow_discards
	set_keys "$KEY_A" "$KEY_B"
	run dmsetup table --showkeys cmk
	[[ "$output" == "0 8192 cmk $UUID 4096 8 "*" 2048 5 sector_size:512 key_timeout:5 crypt:inline allow_discards no_lease" ]]
	[[ "$(dmsetup status cmk)" == *"gate=open cause=none sticky=0 ranges=2 live=2"* ]]
}
