#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
# cmk-timeout: 400
#
# When the kernel has no memory to give a write ends all the same, with the
# ciphertext that dm-crypt would write, or it ends with an error and is right
# when it is done again.

load ../lib/guest
load ../lib/trace
load cmk
load fail

SIZE=131072

setup_file() {
	modprobe cmk-fail
	modprobe dm-below
}

teardown_file() {
	fail_unload
	modprobe -r dm-below
}

setup() {
	modprobe dm-cmk
	dmsetup create below --table "0 $SIZE below $CMK_DISK"
	crypt_create oracle "$CMK_DISK" "$KEY_A" 8 0 $SIZE 4096
}

teardown() {
	trace_clear
	echo 0 >$FAIL/from
	[ ! -e /dev/mapper/below ] || dmsetup message below 0 go
	wait
	gone cmk oracle below
	# No page is kept for the writes of the next test.
	rmmod dm_cmk
	rm -f /tmp/data /tmp/answer $TRACE
}

below() { field "$1" "$(dmsetup status below)"; }

open_cmk() {	# [OPTION...]
	cmk_create cmk /dev/mapper/below $SIZE 8 0 $SIZE "$@"
	set_keys "$KEY_A"
}

# same BYTES: what was written to the beginning
same() {
	dd if=/dev/mapper/oracle bs="$1" count=1 iflag=direct status=none |
		cmp - /tmp/data
}

writers() {	# BLOCK...
	fio --name=w --filename=/dev/mapper/cmk --rw=randwrite --bssplit="$1" \
		--numjobs=32 --thread --size=512k --offset_increment=512k \
		--direct=1 --ioengine=libaio --iodepth=4 --verify=crc32c \
		--do_verify=1 --output=/tmp/fio.log
}

# Nothing can be had, for as long as it lasts.
no_memory() {	# [OPTION...]
	open_cmk "$@"
	trace_reserve
	fail_from 1 all
	writers 4k/50:16k/25:256k/25
	fail_end
	trace_end
	echo "# $failed allocations failed, not one did not" >&3
	[ "$failed" -ge $((32 * 128)) ]
	reserve_alone $((32 * 128))
	cmp -n $((16 << 20)) <(dd if=/dev/mapper/cmk bs=1M iflag=direct \
		status=none) <(dd if=/dev/mapper/oracle bs=1M iflag=direct \
		status=none)
}

@test "32 writers share the reserve" { no_memory; }
@test "32 writers share the reserve, crypto inline" { no_memory crypt:inline; }
@test "32 writers share the reserve, crypto on the queue" {
	no_memory crypt:queued
}

nowait_write() {	# BYTES
	python3 - /dev/mapper/cmk "$1" <<-'END'
		import errno, mmap, os, sys
		fd = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
		data = mmap.mmap(-1, int(sys.argv[2]))
		try:
		    print(os.pwritev(fd, [data], 32 << 20, os.RWF_NOWAIT))
		except OSError as error:
		    print(errno.errorcode[error.errno])
	END
}

# What a write is told that must not wait.  One that does cannot be killed, and
# is left alone.
nowait() {	# BYTES
	local n

	nowait_write "$1" >/tmp/answer &
	for ((n = 0; n < 100; n++)); do
		kill -0 $! 2>/dev/null || break
		sleep 0.1
	done
	if [ $n -lt 100 ]; then
		cat /tmp/answer
	else
		echo waits
	fi
}

# Sixteen writes sleep with a page each, and that was the reserve.
@test "a write that must not wait does not wait for the reserve" {
	local n

	open_cmk crypt:inline
	dmsetup message below 0 keep 17
	[ "$(nowait 4096)" = 4096 ]
	[ "$(nowait 65536)" = 65536 ]
	dmsetup message below 0 hang
	fail_from 1 all
	writers 4k &
	n=0
	until [ "$(below hung)" -ge 16 ]; do
		[ $((n += 1)) -lt 100 ]
		sleep 0.2
	done
	sleep 1
	echo "$(below hung) writes sleep below"
	[ "$(below hung)" = 16 ]
	[ "$(nowait 4096)" = EAGAIN ]
	[ "$(nowait 65536)" = EAGAIN ]
	dmsetup message below 0 go
	wait $!
	fail_end
	dmsetup message below 0 drop
	[ "$(nowait 4096)" = 4096 ]
}

write_it() {	# BYTES
	timeout 60 diotool write /dev/mapper/cmk 0 "$1" </tmp/data 2>&1
}

# No page comes back to be used again while the device below keeps it, so each
# write asks for all of its pages.
nth_fails() {	# BYTES STEP [OPTION...]
	local n=1 tries=0 errors=0 result

	open_cmk "${@:3}"
	while :; do
		pattern "$1" $n >/tmp/data
		dmsetup message below 0 keep 256
		fail_from $n 1
		result=$(write_it "$1") || true
		fail_end
		dmsetup message below 0 drop
		if [ -n "$result" ]; then
			echo "allocation $n: $result"
			[ "$failed" = 1 ]
			[[ "$result" =~ ^write:\ (EAGAIN|ENOMEM|EIO)$ ]]
			errors=$((errors + 1))
			write_it "$1"
		fi
		same "$1"
		[ "$failed" = 1 ] || break
		tries=$((tries + 1))
		n=$((n + $2))
	done
	echo "# $tries failed in turn, $errors of them the write" >&3
	[ $((n + $2)) -gt $(($1 / 4096)) ]
}

# In its long form each one of a large write, else some
step() { [ -n "${CMK_LONG:-}" ] && echo 1 || echo 23; }

@test "each allocation of 4 KiB fails in its turn" { nth_fails 4096 1; }
@test "each of 64 KiB" { nth_fails 65536 1; }
@test "each of 64 KiB on the queue" { nth_fails 65536 1 crypt:queued; }
@test "those of 1 MiB" { nth_fails $((1 << 20)) "$(step)"; }
@test "those of 1 MiB inline" {
	nth_fails $((1 << 20)) "$(step)" crypt:inline
}
