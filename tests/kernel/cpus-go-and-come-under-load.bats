#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-timeout: 400
# cmk-disk: 128M
#
# A CPU goes offline and comes back while the crypto is shared among CPUs: no
# I/O is lost and none is wrong, and what was kept for that CPU is given back
# when the module goes.

load ../lib/guest
load ../lib/trace
load cmk

SIZE=262144
CPU=/sys/devices/system/cpu/cpu1/online
LOAD=/tmp/load

setup() { modprobe dm-cmk; }

teardown() {
	echo 1 >$CPU
	trace_clear
	gone cmk
	modprobe -r brd
	rm -f $TRACE $LOAD
}

open_cmk() {	# DEVICE SIZE [OPTION...]
	cmk_create cmk "$1" 262144 0 0 "$2" "${@:3}"
	set_keys "$KEY_A"
}

cycles() { [ -n "${CMK_LONG:-}" ] && echo 400 || echo 12; }

hotplug() {
	local n

	for ((n = $(cycles); n; n--)); do
		echo 0 >$CPU
		sleep 0.2
		echo 1 >$CPU
		sleep 0.2
	done
}

# Until $LOAD is gone; each time other data
load_it() {
	local n=0

	while [ -e $LOAD ]; do
		fio --name=v --filename=/dev/mapper/cmk --rw=randrw \
			--direct=1 --ioengine=libaio --iodepth=32 \
			--bssplit=4k/60:64k/20:1M/20 --size=24M \
			--verify=crc32c --verify_backlog=64 \
			--randseed=$RANDOM --output=/tmp/fio.log || return 1
		n=$((n + 1))
	done
	echo "# written and verified $n times" >&3
}

loaded() {	# [OPTION...]
	open_cmk "$CMK_DISK" $SIZE "$@"
	touch $LOAD
	load_it &
	hotplug
	rm $LOAD
	wait $! || { cat /tmp/fio.log; false; }
	[[ "$(dmsetup status cmk)" == *parked=0* ]]
	no_d_state
}

@test "crypto where it is best" { loaded; }
@test "crypto on the queue" { loaded crypt:queued; }

# On a RAM disk pages come back where the write was submitted.
@test "the pages of a CPU that is gone are given back with the module" {
	modprobe brd rd_nr=1 rd_size=65536
	trace_pages "${TRACE_EXIT[@]}"
	open_cmk /dev/ram0 131072 crypt:inline
	for cpu in 0 1; do
		fio --name=w --filename=/dev/mapper/cmk --rw=write --bs=256k \
			--size=8M --direct=1 --ioengine=psync \
			--cpus_allowed=$cpu --output=/tmp/fio.log
	done
	grep -q '^page where=task cpu=1' <(trace_lines)
	gone cmk
	echo 0 >$CPU
	rmmod dm_cmk
	trace_end
	pages=$(trace_exit_pages)
	echo "# $pages pages given back at last," \
		"$(trace_pages_left) not" >&3
	# 32 of a piece of a write on each CPU
	[ "$pages" -ge 64 ]
	[ "$(trace_pages_left)" = 0 ]
}
