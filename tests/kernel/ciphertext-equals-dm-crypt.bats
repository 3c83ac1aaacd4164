#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.1 6.12
# cmk-mode: plain
# cmk-disk: 64M
#
# The oracle is dm-crypt's aes-xts-plain64 without iv_large_sectors, as LUKS2
# uses it: what one writes the other reads, and the bytes on the disk are the
# same.  Each range has its own key, and only that one.

load ../lib/guest
load cmk

SIZE=8192	# sectors, two ranges

setup() {
	modprobe dm-cmk
	pattern $((SIZE * 512)) data >/tmp/data
	dd if=/dev/zero of="$CMK_DISK" bs=1M count=16 status=none
}

teardown() {
	gone cmk oracle
	rm -f /tmp/data /tmp/raw
}

# A range's ciphertext under dm-crypt: tweaks go on from the volume's start.
write_oracle() {	# SECTOR_SIZE IV_OFFSET
	local half=$((SIZE / 2))

	crypt_create oracle "$CMK_DISK" "$KEY_A" "$2" 2048 $half "$1"
	dd if=/tmp/data of=/dev/mapper/oracle bs=64k count=32 oflag=direct \
		status=none
	gone oracle
	crypt_create oracle "$CMK_DISK" "$KEY_B" $(($2 + half)) \
		$((2048 + half)) $half "$1"
	dd if=/tmp/data of=/dev/mapper/oracle bs=64k skip=32 oflag=direct \
		status=none
	gone oracle
}

open_cmk() {	# SECTOR_SIZE IV_OFFSET [OPTION...]
	cmk_create cmk "$CMK_DISK" $((SIZE / 2)) "$2" 2048 $SIZE \
		sector_size:"$1" "${@:3}"
	set_keys "$KEY_A" "$KEY_B"
}

# The disk's bytes as dm-crypt writes them.
oracle_bytes() {
	dd if="$CMK_DISK" bs=1M skip=1 count=4 iflag=direct status=none
}

both_ways() {	# SECTOR_SIZE IV_OFFSET [OPTION...]
	write_oracle "$1" "$2"
	oracle_bytes >/tmp/raw
	open_cmk "$@"
	drop_caches /dev/mapper/cmk
	dd if=/dev/mapper/cmk bs=1M iflag=direct status=none |
		cmp - /tmp/data
	# Now cmk writes, over other bytes, across the border of the ranges.
	dd if=/dev/zero of=/dev/mapper/cmk bs=1M count=4 oflag=direct \
		status=none
	run cmp /tmp/raw <(oracle_bytes)
	[ "$status" = 1 ]
	dd if=/tmp/data of=/dev/mapper/cmk bs=1280k oflag=direct \
		status=none
	cmp /tmp/raw <(oracle_bytes)
	gone cmk
}

@test "sector size 512" { both_ways 512 0; }
@test "sector size 1024" { both_ways 1024 0; }
@test "sector size 2048" { both_ways 2048 0; }
@test "sector size 4096" { both_ways 4096 0; }
@test "an iv_offset that is not zero" { both_ways 4096 123456; }
@test "an iv_offset beyond 32 bits" { both_ways 512 $((1 << 40)); }
@test "crypto on the queue" { both_ways 4096 8 crypt:queued; }
@test "crypto inline" { both_ways 4096 8 crypt:inline; }

@test "key A reads range A and not range B" {
	local half=$((SIZE / 2))

	open_cmk 4096 0
	dd if=/tmp/data of=/dev/mapper/cmk bs=1M oflag=direct status=none
	gone cmk
	crypt_create oracle "$CMK_DISK" "$KEY_A" 0 2048 $SIZE 4096
	cmp -n $((half * 512)) /dev/mapper/oracle /tmp/data
	run cmp -i $((half * 512)) -n 512 /dev/mapper/oracle /tmp/data
	[ "$status" = 1 ]
}

@test "the fast driver is in use and status names it" {
	open_cmk 4096 0
	dmsetup status cmk | grep -q 'driver=xts-aes-\(aesni\|vaes\)'
}

@test "status tells the memory of the keys: two schedules of 240 bytes at least" {
	open_cmk 4096 0
	bytes=$(dmsetup status cmk | sed 's/.*key_bytes=\([0-9]*\).*/\1/')
	echo "$bytes bytes for 2 keys"
	[ "$bytes" -ge $((2 * 3 * 240)) ]
	[ "$bytes" -le $((2 * 4096)) ]
}
