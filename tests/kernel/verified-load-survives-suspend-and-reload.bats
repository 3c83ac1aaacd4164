#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 256M
# cmk-timeout: 400
#
# fio writes and verifies over many ranges while the mapped device beneath it
# is suspended and resumed and its table is replaced; keys, gate and memory of
# generations survive.

load ../lib/guest
load cmk

RANGES=32
SECTORS=$((RANGES * 8192))

setup() {
	modprobe dm-cmk
	keys=()
	for i in $(seq $RANGES); do
		keys+=("$(printf '%02x' $(seq "$i" $((i + 63))))")
	done
}

teardown() { gone cmk; }

open_many() {
	cmk_create cmk "$CMK_DISK" 8192 0 0 $SECTORS "$@"
	set_keys "${keys[@]}"
}

load_seconds() { [ -n "${CMK_LONG:-}" ] && echo 600 || echo 10; }

fio_verify() {
	fio --name=v --filename=/dev/mapper/cmk --rw=randrw --direct=1 \
		--ioengine=libaio --iodepth=16 \
		--bssplit=4k/50:16k/20:64k/15:512k/15 \
		--size=128M --verify=crc32c --verify_backlog=256 \
		--time_based --runtime="$(load_seconds)" --randseed=$RANDOM \
		"$@" --output=/tmp/fio.log
}

cycle() {	# [dmsetup suspend options]
	dmsetup suspend "$@" cmk
	dmsetup resume cmk
}

reload() {	# [table options]
	dmsetup reload cmk --table \
		"$(cmk_table "$CMK_DISK" 8192 0 0 $SECTORS "$@")"
	cycle --noflush --nolockfs
}

storm_of_cycles() {	# table options
	local n=0

	while kill -0 "$1" 2>/dev/null; do
		cycle
		cycle --noflush --nolockfs
		reload "${@:2}"
		sleep 0.3
		n=$((n + 1))
	done
	echo "# $n cycles" >&3
	[ $n -ge 3 ]
}

loaded() {	# table options
	open_many "$@"
	fio_verify &
	local fio=$!
	storm_of_cycles $fio "$@"
	wait $fio || { cat /tmp/fio.log; false; }
	dmsetup status cmk | grep -q "live=$RANGES wanted=0 parked=0"
}

@test "crypto where it is best" { loaded; }
@test "crypto on the queue" { loaded crypt:queued; }
@test "512-byte sectors" { loaded sector_size:512; }

@test "a revoked gate survives a reload, and so does its restore" {
	open_many
	nl "admin-revoke $UUID"
	reload
	[[ "$(dmsetup status cmk)" == *"gate=revoked cause=admin sticky=1"* ]]
	run nl "restore $UUID 60 hold"
	[[ "$output" == *EPERM* ]]
	nl "admin-restore $UUID 3600 hold"
	set_keys "${keys[@]}"
	reload
	dmsetup status cmk | grep -q "gate=open.*live=$RANGES"
}

@test "a held volume is suspended with noflush, and its I/O goes on after" {
	open_many
	nl "hold $UUID"
	dd if=/dev/mapper/cmk of=/tmp/out bs=4k count=1 iflag=direct \
		status=none &
	until [[ "$(dmsetup status cmk)" == *parked=1* ]]; do
		kill -0 $!
		sleep 0.1
	done
	timeout 30 dmsetup suspend --noflush --nolockfs cmk
	[[ "$(dmsetup status cmk)" == *parked=0* ]]
	timeout 30 dmsetup resume cmk
	sleep 1
	kill -0 $!
	nl "restore $UUID 3600 hold"
	set_keys "${keys[@]}"
	wait $!
}

@test "a volume grows by a reload" {
	cmk_create cmk "$CMK_DISK" 8192 0 0 8192
	set_keys "${keys[0]}"
	dmsetup reload cmk --table "$(cmk_table "$CMK_DISK" 8192 0 0 24576)"
	# The key is there before the first I/O on what is new.
	nl "set $UUID 1 1 ${keys[1]}" "!set $UUID 3 1 ${keys[1]}"
	cycle
	dmsetup status cmk | grep -q 'ranges=3 live=2'
	nl "set $UUID 2 1 ${keys[2]}"
	dd if=/dev/zero of=/dev/mapper/cmk bs=4k seek=2100 count=1 \
		oflag=direct status=none
}
