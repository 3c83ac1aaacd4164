#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-mem: 256M
# cmk-disk: 1G
# cmk-timeout: 500
#
# Swap on a volume, and more memory in use than there is.  Nobody is bound to
# the kernel: all that is needed to write out a page must be in the kernel, and
# must not ask for memory that only the write itself can make free.

load ../lib/guest
load ../lib/trace
load cmk

SIZE=2097152
MIB=240
# Of what there is little
TRACE_SIZE=512

setup() { modprobe dm-cmk; }

teardown() {
	trace_clear
	swapoff -a
	gone cmk
	rm -f $TRACE /tmp/hog
}

meminfo() { sed -n "s/^$1: *\([0-9]*\) kB/\1/p" /proc/meminfo; }
vmstat() { sed -n "s/^$1 //p" /proc/vmstat; }

# Keys and a lease for a day; then the agent's socket closes.
open_swap() {	# [OPTION...]
	local range lines=("renew $UUID 86400 hold")

	cmk_create cmk "$CMK_DISK" 262144 0 0 $SIZE lease "$@"
	for ((range = 0; range < 8; range++)); do
		lines+=("set $UUID $range 1 $KEY_A")
	done
	nl "${lines[@]}" >/dev/null
	mkswap /dev/mapper/cmk >/dev/null
	swapon /dev/mapper/cmk
}

rounds() { [ -n "${CMK_LONG:-}" ] && echo 10 || echo 1; }

swapped() {	# [OPTION...]
	local out in least reserve

	open_swap "$@"
	out=$(vmstat pswpout) in=$(vmstat pswpin)
	least=$((MIB - $(meminfo MemAvailable) / 1024))
	dmesg -C
	trace_begin 'r:cmk/page dm_cmk:cmk_page_alloc page=$retval:x64'
	echo 'page == 0' >$TRACEFS/events/cmk/page/filter
	timeout -k 1 1500 memhog $MIB "$(rounds)" >/tmp/hog
	out=$((($(vmstat pswpout) - out) / 256))
	in=$((($(vmstat pswpin) - in) / 256))
	[ "$least" -ge 50 ]
	[ $out -ge "$least" ]
	[ $in -ge "$least" ]
	reserve=$(trace_lines | wc -l)
	trace_clear
	run dmesg
	echo "# $out MiB out, $in MiB in, $reserve times no page but in the reserve" >&3
	tail -n 1 /tmp/hog >&3
	[[ "$output" != *"page allocation failure"* ]]
	[[ "$output" != *"on swap-device"* ]]
	no_d_state
	swapoff /dev/mapper/cmk
	[[ "$(dmsetup status cmk)" == *"gate=open"*"live=8 wanted=0 parked=0"* ]]
}

@test "crypto where it is best" { swapped; }
@test "512-byte sectors, on the queue" { swapped sector_size:512 crypt:queued; }
