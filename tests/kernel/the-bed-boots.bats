#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.1 6.12
# cmk-mode: plain
# cmk-disk: 64M
#
# The machine itself, before anything of ours runs in it: it has the kernel
# and the disk that were asked for, and device-mapper encrypts with the
# instructions of the CPU.

load ../lib/guest

teardown() {
	[ ! -e /dev/mapper/bed ] || dmsetup remove --retry bed
}

@test "the data disk has the size that was asked for and reads as zeros" {
	[ "$(sectors "$CMK_DISK")" = 131072 ]
	run cmp -n 67108864 "$CMK_DISK" /dev/zero
	[ "$status" = 0 ]
}

@test "the CPU has AES instructions and the kernel uses them" {
	grep -qw aes /proc/cpuinfo
	modprobe aesni_intel
	grep -q '^driver *: xts-aes-\(aesni\|vaes\)' /proc/crypto
}

@test "dm-crypt writes other bytes than it was given, and gives them back" {
	local key table size

	key=$(hex 32 11)$(hex 32 22)
	size=$(sectors "$CMK_DISK")
	table="0 $size crypt aes-xts-plain64 $key 0 $CMK_DISK 0"
	dmsetup create bed <<<"$table"
	yes plain | head -c 65536 >/tmp/plain
	dd if=/tmp/plain of=/dev/mapper/bed bs=64k oflag=direct status=none
	drop_caches "$CMK_DISK"
	run cmp -n 65536 /tmp/plain "$CMK_DISK"
	[ "$status" = 1 ]
	cmp -n 65536 /tmp/plain /dev/mapper/bed
}
