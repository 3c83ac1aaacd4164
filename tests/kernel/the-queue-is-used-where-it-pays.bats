#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
#
# Where the crypto of a bio is done.  On a RAM disk an I/O completes while it
# is submitted, so that nothing but the rule of the module decides.

load ../lib/guest
load cmk

SIZE=131072

setup() {
	modprobe dm-cmk
	modprobe brd rd_nr=1 rd_size=$((SIZE / 2))
}

teardown() {
	gone cmk
	rmmod brd
	modprobe -r null_blk
}

open_cmk() {
	cmk_create cmk /dev/ram0 $SIZE 0 0 $SIZE "$@"
	set_keys "$KEY_A"
}

# count NAME: a number of the volume's status
count() { field "$1" "$(dmsetup status cmk)"; }

# share: of the crypto that went to the queue, in percent, and how much it was
share() {
	local queued inline

	queued=$(count queued)
	inline=$(count inline)
	echo "# $queued queued, $inline inline" >&3
	[ $((queued + inline)) -ge 1000 ]
	share=$((queued * 100 / (queued + inline)))
}

some_io() {	# ENGINE DEPTH RW
	fio --name=io --filename=/dev/mapper/cmk --direct=1 --bs=4k \
		--ioengine="$1" --iodepth="$2" --rw="$3" --number_ios=10000 \
		--norandommap --thread --output=/tmp/fio.log
}

@test "crypt:queued leaves nothing inline, crypt:inline queues nothing" {
	open_cmk crypt:queued
	some_io psync 1 randrw
	share
	[ "$share" = 100 ]
	gone cmk
	open_cmk crypt:inline
	some_io psync 1 randrw
	share
	[ "$share" = 0 ]
}

# On a quiet host less than one in a hundred is tried on the queue; where the
# host stops a CPU for a while, a waiting task looks as if it went on.
@test "who waits for each I/O has it done on the spot" {
	open_cmk
	some_io psync 1 randread
	share
	[ "$share" -le 5 ]
	gone cmk
	open_cmk
	some_io psync 1 randwrite
	share
	[ "$share" -le 5 ]
}

@test "who has many under way shares the work with the queue" {
	open_cmk
	some_io io_uring 32 randread
	share
	[ "$share" -ge 5 ]
	[ "$share" -lt 100 ]
	gone cmk
	open_cmk
	some_io io_uring 32 randwrite
	share
	[ "$share" -ge 5 ]
	[ "$share" -lt 100 ]
}

many_reads() {
	fio --name=io --filename=/dev/mapper/cmk --direct=1 --bs=4k \
		--ioengine=io_uring --iodepth=32 --rw=randread --runtime=4 \
		--time_based --norandommap --thread --output=/tmp/fio.log
}

# The same load as in the test before, with somebody else on each CPU: what the
# queue is given would only take time from him.
@test "where every CPU has work the queue is left alone" {
	local cpu before hogs=()

	open_cmk
	for ((cpu = 0; cpu < $(nproc); cpu++)); do
		timeout 60 taskset -c "$cpu" yes >/dev/null 3>&- &
		hogs+=($!)
	done
	many_reads
	kill "${hogs[@]}"
	share
	[ "$share" -le 30 ]
	# They have gone, and before long it is used again.
	before=$(count queued)
	many_reads
	echo "# $(($(count queued) - before)) queued afterwards" >&3
	[ $(($(count queued) - before)) -ge 1000 ]
}

# null_blk with irqmode=2 completes in the hard interrupt of a timer, where no
# cipher can be called.  6.1 has no works that run in a softirq.
@test "a hard interrupt leaves a read to the next softirq" {
	local deferred

	modprobe null_blk nr_devices=1 memory_backed=1 gb=1 irqmode=2
	cmk_create cmk /dev/nullb0 $SIZE 0 0 $SIZE
	set_keys "$KEY_A"
	pattern $((4 << 20)) interrupt >/tmp/written
	dd if=/tmp/written of=/dev/mapper/cmk bs=1M oflag=direct status=none
	gone cmk
	cmk_create cmk /dev/nullb0 $SIZE 0 0 $SIZE
	set_keys "$KEY_A"
	dd if=/dev/mapper/cmk of=/tmp/read bs=4k count=1024 iflag=direct \
		status=none
	share
	deferred=$(count deferred)
	gone cmk
	rmmod null_blk
	cmp /tmp/written /tmp/read
	case $(uname -r) in
	6.1.*) [ "$deferred" = 1024 ] ;;
	*) [ "$deferred" = 0 ] && [ "$share" -le 5 ] ;;
	esac
}

# He who submits does some himself, but never the first.
@test "pieces of a large read and write go to the queue, and are right" {
	local before

	open_cmk
	pattern $((16 << 20)) pieces >/tmp/pieces
	before=$(count queued)
	dd if=/tmp/pieces of=/dev/mapper/cmk bs=1M oflag=direct status=none
	[ $(($(count queued) - before)) -ge 16 ]
	before=$(count queued)
	dd if=/dev/mapper/cmk of=/tmp/read bs=1M count=16 iflag=direct \
		status=none
	[ $(($(count queued) - before)) -ge 16 ]
	cmp /tmp/pieces /tmp/read
	gone cmk
	crypt_create oracle /dev/ram0 "$KEY_A" 0 0 $SIZE 4096
	run cmp -n $((16 << 20)) /tmp/pieces /dev/mapper/oracle
	gone oracle
	[ "$status" = 0 ]
}
