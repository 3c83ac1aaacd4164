#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
#
# I/O on a range without a key waits and is counted, goes on when the key
# comes, and fails when it does not come in time or must not wait.

load ../lib/guest
load cmk

setup() { modprobe dm-cmk; }

teardown() { gone cmk; }

@test "it waits, is wanted, and goes on when the key comes" {
	cmk_create cmk "$CMK_DISK" 2048 0 0 8192
	nl "set $UUID 0 1 $KEY_A"
	dd if=/dev/mapper/cmk of=/tmp/out bs=4k skip=256 count=1 iflag=direct \
		status=none &
	until [[ "$(dmsetup status cmk)" == *"wanted=1 parked=1"* ]]; do
		kill -0 $!
		sleep 0.1
	done
	run nl "ranges $UUID wanted"
	[[ "$output" == "1+1:absent:0:wanted ranges ok"* ]]
	run nl "ranges $UUID"
	[[ "$output" == "0+1:live:1 1+1:absent:0:wanted "* ]]
	[[ "$(dmsetup status cmk)" == *"live=1 wanted=1 parked=1"* ]]
	# The other range is served meanwhile.
	dd if=/dev/mapper/cmk of=/dev/null bs=4k count=1 iflag=direct \
		status=none
	nl "set $UUID 1 1 $KEY_B"
	wait $!
	[[ "$(dmsetup status cmk)" == *"live=2 wanted=0 parked=0"* ]]
}

@test "it fails after key_timeout, and the next one waits again" {
	local before

	cmk_create cmk "$CMK_DISK" 2048 0 0 8192 key_timeout:2
	for round in 1 2; do
		before=$SECONDS
		run dd if=/dev/mapper/cmk of=/dev/null bs=4k count=1 \
			iflag=direct
		[ "$status" = 1 ]
		[[ "$output" == *"Input/output error"* ]]
		[ $((SECONDS - before)) -ge 1 ]
		# Not after the 30 s that it waits where nothing is said
		[ $((SECONDS - before)) -le 20 ]
	done
	nl "set $UUID 0 1 $KEY_A"
	dd if=/dev/mapper/cmk of=/dev/null bs=4k count=1 iflag=direct
}

@test "no_key:fail fails at once" {
	cmk_create cmk "$CMK_DISK" 2048 0 0 8192 no_key:fail
	run timeout 25 dd if=/dev/mapper/cmk of=/dev/null bs=4k count=1 \
		iflag=direct
	[ "$status" = 1 ]
	run timeout 25 dd if=/dev/zero of=/dev/mapper/cmk bs=4k count=1 \
		oflag=direct
	[ "$status" = 1 ]
	[[ "$(dmsetup status cmk)" == *"wanted=0 parked=0"* ]]
}

@test "a NOWAIT read gets EAGAIN" {
	cmk_create cmk "$CMK_DISK" 2048 0 0 8192
	run timeout 25 fio --name=n --filename=/dev/mapper/cmk --rw=read \
		--bs=4k --size=4k --direct=1 --ioengine=pvsync2 --nowait=1
	[[ "$output" == *"Resource temporarily unavailable"* ]]
}

@test "a flush needs no key" {
	cmk_create cmk "$CMK_DISK" 2048 0 0 8192
	timeout 25 blockdev --flushbufs /dev/mapper/cmk
	timeout 25 sync /dev/mapper/cmk
}

MANY=600

# many RANGE: that many reads of it at once
many() {
	fio --name=m --filename=/dev/mapper/cmk --rw=randread --norandommap \
		--bs=4k --offset=$(($1 * 4))m --size=4m --number_ios=$MANY \
		--direct=1 --ioengine=libaio --iodepth=$MANY \
		--output=/tmp/fio.log
}

parked_are() { [ "$(field parked "$(dmsetup status cmk)")" = "$1" ]; }

@test "more than the kernel looks at at a time: those whose key has come go on" {
	local first second

	cmk_create cmk "$CMK_DISK" 8192 0 0 16384 key_timeout:100
	many 0 &
	first=$!
	many 1 &
	second=$!
	until_true 5 parked_are $((2 * MANY))
	nl "set $UUID 0 1 $KEY_A"
	wait $first
	parked_are $MANY
	# A suspend takes them back, a resume brings them again.
	timeout 60 dmsetup suspend --noflush --nolockfs cmk
	parked_are 0
	timeout 60 dmsetup resume cmk
	until_true 5 parked_are $MANY
	nl "set $UUID 1 1 $KEY_B"
	wait $second
	parked_are 0
}

@test "more than that fail by a revoke" {
	local reader

	cmk_create cmk "$CMK_DISK" 8192 0 0 16384 key_timeout:100
	many 0 &
	reader=$!
	until_true 5 parked_are $MANY
	nl "revoke $UUID"
	if wait $reader; then return 1; fi
	parked_are 0
}
