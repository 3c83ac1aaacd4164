#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
#
# A volume of 65,536 ranges, the most there can be, of 1 MiB each.

load ../lib/guest
load cmk

RANGES=65536
SECTORS=$((RANGES * 2048))

setup() {
	modprobe dm-cmk
	modprobe null_blk nr_devices=1 gb=64 memory_backed=1 bs=512
}

teardown() {
	gone cmk
	rmmod null_blk
}

open_many() { cmk_create cmk /dev/nullb0 2048 0 0 $SECTORS; }

# kernel_kib: memory that the kernel has and cannot give back
kernel_kib() {
	awk '/^(SUnreclaim|Percpu|VmallocUsed):/ {sum += $2} END {print sum}' \
		/proc/meminfo
}

@test "the table is loaded within a second" {
	local begin ms

	begin=$(date +%s%N)
	open_many
	ms=$((($(date +%s%N) - begin) / 1000000))
	echo "# $ms ms" >&3
	[ "$(field ranges "$(dmsetup status cmk)")" = $RANGES ]
	[ $ms -le 1000 ]
}

@test "a range without a key costs 64 bytes of kernel memory at most" {
	local before after least="" bytes

	for _ in 1 2 3 4 5; do
		sync
		before=$(kernel_kib)
		open_many
		after=$(kernel_kib)
		gone cmk
		bytes=$(((after - before) * 1024 / RANGES))
		[ -n "$least" ] && [ "$least" -le $bytes ] || least=$bytes
	done
	echo "# $least bytes" >&3
	# A range holds 28 bytes of its own: less would measure nothing.
	[ "$least" -ge 28 ]
	[ "$least" -le 64 ]
}

@test "the last range has its own key, and a border is a border" {
	local last=$((RANGES - 1))

	open_many
	nl "set $UUID 0 1 $KEY_A" "set $UUID $((last - 1)) 1 $KEY_A" \
		"set $UUID $last 1 $KEY_B"
	pattern $((2 << 20)) border >/tmp/border
	dd if=/tmp/border of=/dev/mapper/cmk bs=2M seek=$((RANGES / 2 - 1)) \
		oflag=direct status=none
	drop_caches /dev/mapper/cmk
	dd if=/dev/mapper/cmk bs=2M skip=$((RANGES / 2 - 1)) iflag=direct \
		status=none | cmp - /tmp/border
	gone cmk
	crypt_create oracle /dev/nullb0 "$KEY_B" $((last * 2048)) \
		$((last * 2048)) 2048 4096
	run cmp -n $((1 << 20)) -i 0:$((1 << 20)) /dev/mapper/oracle \
		/tmp/border
	gone oracle
	[ "$status" = 0 ]
}
