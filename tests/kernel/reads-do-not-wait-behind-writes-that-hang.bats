#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
# cmk-timeout: 300
#
# The device below makes whoever submits a write to it sleep, as one that has
# no tags left does.  Reads elsewhere on the volume come and go all the same.

load ../lib/guest
load cmk

SIZE=65536
HALF=$((SIZE / 2))
MIB=$((HALF / 2048))

setup() {
	modprobe dm-cmk
	modprobe dm-below
	pattern $((MIB << 20)) reads >/tmp/data
	dmsetup create below --table "0 $SIZE below $CMK_DISK"
}

teardown() {
	[ ! -e /dev/mapper/below ] || dmsetup message below 0 go
	wait
	gone cmk below
	modprobe -r dm-below
	rm -f /tmp/data
}

below() { field "$1" "$(dmsetup status below)"; }

open_filled() {	# [OPTION...]
	cmk_create cmk /dev/mapper/below $HALF 0 0 $SIZE "$@"
	set_keys "$KEY_A" "$KEY_B"
	dd if=/tmp/data of=/dev/mapper/cmk bs=1M seek=$MIB oflag=direct \
		status=none
}

# Until N writes sleep below, and not one more comes
writes_hang() {
	dmsetup message below 0 hang
	fio --name=w --filename=/dev/mapper/cmk --rw=randwrite --bs=16k \
		--size=${MIB}M --direct=1 --ioengine=libaio --iodepth=16 \
		--numjobs=4 --thread --io_size=4M --output=/tmp/fio.log &
	fio=$!
	local n=-1

	until [ "$(below hung)" -gt 0 ] && [ "$(below hung)" = $n ]; do
		n=$(below hung)
		sleep 2
	done
	echo "# $n writes sleep below" >&3
	hung=$n
}

# Several at a time, of the sizes that take each way
read_it() {
	dd if=/dev/mapper/cmk bs=1M skip=$MIB iflag=direct status=none |
		cmp - /tmp/data &&
		fio --name=r --filename=/dev/mapper/cmk --rw=randread \
			--bssplit=4k/50:64k/50 --offset=${MIB}M \
			--size=${MIB}M --io_size=8M --direct=1 \
			--ioengine=libaio --iodepth=16 --output=/tmp/fio-r.log
}

# A task that waits for a read cannot be killed: it is left alone after a while.
ended() {
	local n

	for ((n = 0; n < 300; n++)); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.1
	done
	[ $n -lt 300 ]
	wait "$1"
}

reads_end() {
	read_it &
	ended $!
}

beside() {
	open_filled "$@"
	writes_hang
	reads_end
	# None of the writes has got any further.
	[ "$(below hung)" = "$hung" ]
	kill -0 $fio
	dmsetup message below 0 go
	wait $fio || { cat /tmp/fio.log; false; }
}

# So do those that wait for the gate, when it opens.
after_a_hold() {
	open_filled "$@"
	writes_hang
	nl "hold $UUID"
	read_it &
	sleep 1
	kill -0 $!
	nl "restore $UUID 60 hold" "set $UUID 0 1 $KEY_A" \
		"set $UUID 1 1 $KEY_B"
	ended $!
	kill -0 $fio
	dmsetup message below 0 go
	wait $fio || { cat /tmp/fio.log; false; }
}

@test "crypto where it is best" { beside; }
@test "crypto on the queue, where the queue's worker sleeps" {
	beside crypt:queued
}
@test "crypto inline" { beside crypt:inline; }
@test "after a hold, crypto on the queue" { after_a_hold crypt:queued; }
@test "after a hold, crypto inline" { after_a_hold crypt:inline; }
