#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.1 6.12
# cmk-mode: plain
# cmk-disk: 64M
#
# Memory that is not aligned, vectors of many pieces, pieces that cross pages:
# the same data or the same error as dm-crypt, in both directions.

load ../lib/guest
load cmk

SIZE=8192

setup() {
	modprobe dm-cmk
	pattern $((1 << 20)) vectors >/tmp/data
}

teardown() {
	gone cmk oracle
	rm -f /tmp/data /tmp/a /tmp/b
}

open_both() {	# SECTOR_SIZE
	cmk_create cmk "$CMK_DISK" 2048 0 0 $SIZE sector_size:"$1"
	set_keys "$KEY_A" "$KEY_A" "$KEY_A" "$KEY_A"
	crypt_create oracle "$CMK_DISK" "$KEY_A" 0 16384 $SIZE "$1"
}

# same VERB OFFSET LENGTH ALIGN PIECE...: both give the same
same() {
	local ours theirs

	diotool "$1" /dev/mapper/cmk "${@:2}" </tmp/data >/tmp/a 2>/tmp/a.err &&
		ours=0 || ours=$(cat /tmp/a.err)
	diotool "$1" /dev/mapper/oracle "${@:2}" </tmp/data >/tmp/b \
		2>/tmp/b.err && theirs=0 || theirs=$(cat /tmp/b.err)
	echo "$*: ours $ours theirs $theirs"
	[ "$ours" = "$theirs" ]
	cmp /tmp/a /tmp/b
	[ "$1" = read ] || cmp -n $SIZE <(dd if="$CMK_DISK" bs=1M count=4 \
		iflag=direct status=none) <(dd if="$CMK_DISK" bs=1M skip=8 \
		count=4 iflag=direct status=none)
}

vectors() {
	for verb in write read; do
		same $verb 0 65536 0
		same $verb 0 65536 512
		same $verb 0 65536 1536
		same $verb 4096 8192 512 512 4096 3584
		same $verb 4096 8192 0 512 512 1024 2048 4096
		same $verb 1044480 8192 0
		same $verb 1044480 8192 2048 4096 4096
		same $verb 524288 1048576 0
		same $verb 0 1048576 512
	done
}

@test "512-byte sectors" {
	open_both 512
	vectors
	# These must not all have been errors.
	diotool write /dev/mapper/cmk 512 1536 512 512 1024 </tmp/data
	diotool read /dev/mapper/cmk 512 1536 1536 >/tmp/a
	cmp -n 1536 /tmp/a /tmp/data
}

@test "4096-byte sectors" {
	open_both 4096
	vectors
	diotool write /dev/mapper/cmk 4096 8192 0 4096 4096 </tmp/data
}

@test "an I/O over the border of two ranges" {
	open_both 512
	diotool write /dev/mapper/cmk $((2048 * 512 - 65536)) 131072 \
		</tmp/data
	diotool read /dev/mapper/cmk $((2048 * 512 - 65536)) 131072 >/tmp/a
	cmp -n 131072 /tmp/a /tmp/data
}

@test "huge pages make vectors of many pages" {
	mkdir -p /tmp/huge
	mount -t tmpfs -o huge=always huge /tmp/huge
	cp /tmp/data /tmp/huge/data
	open_both 4096
	fio --name=w --filename=/dev/mapper/cmk --rw=write --bs=1M --size=4M \
		--mem=shmhuge --mem=mmap --direct=1 --verify=crc32c \
		--do_verify=1 --output=/tmp/fio.log
	umount /tmp/huge
}
