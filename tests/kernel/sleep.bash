# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests in which the machine sleeps.
#
#   sleeps mem|disk [LEVEL]
#                          all of a sleep down to that level of pm_test; unless
#                          one is given, but for what the machine's firmware
#                          does and the CPUs
#   awake                  seconds the machine was awake since it is up
#   asleep                 seconds it has slept
#   swap_on DISK           where hibernates puts the image
#   hibernates             the machine reboots, and goes on from its image;
#                          needs cmk-reboots and cmk-append: cmk.resume=SERIAL
#
# And what goes on meanwhile, on a volume of 16 MiB that was filled from a file:
#
#   loads NAME FILE        4 MiB in its middle are written and verified, the
#                          rest is read and compared
#   loads_end              until now, without an error
#   loads_stop             whatever came of it, for teardown
#   rest_is_same NAME FILE

sleeps() {
	echo "${2:-devices}" >/sys/power/pm_test
	echo "$1" >/sys/power/state
	echo none >/sys/power/pm_test
}

awake() { awk '/^now at/ {printf "%d\n", $3 / 1e9}' /proc/timer_list; }

asleep() {
	local boot

	boot=$(awk '{printf "%d", $1}' /proc/uptime)
	echo $((boot - $(awake)))
}

swap_on() {
	mkswap -q "$1"
	swapon "$1"
}

hibernates() {
	local before

	before=$(asleep)
	# What is not in the image need not be written and read.
	sync
	echo 3 >/proc/sys/vm/drop_caches
	echo reboot >/sys/power/disk
	echo disk >/sys/power/state
	echo "# $(($(asleep) - before)) s asleep" >&3
	# The clock stands still from the image on, if it was one.
	[ "$(asleep)" -gt $((before + 1)) ]
}

LOADS=()
LOADS_STOP=/tmp/loads.stop

verifies() {	# NAME
	until [ -e $LOADS_STOP ]; do
		fio --name=v --filename="/dev/mapper/$1" --rw=randrw \
			--direct=1 --ioengine=libaio --iodepth=8 --offset=6M \
			--size=4M --bssplit=4k/40:16k/30:64k/30 \
			--verify=crc32c --verify_backlog=32 --verify_fatal=1 \
			--output="/tmp/fio.$1" || return 1
	done
}

rest_is_same() {
	blockdev --flushbufs "/dev/mapper/$1"
	cmp -n $((6 << 20)) "$2" "/dev/mapper/$1" &&
		cmp -i $((10 << 20)) "$2" "/dev/mapper/$1"
}

compares() {	# NAME FILE
	until [ -e $LOADS_STOP ]; do
		rest_is_same "$@" || return 1
	done
}

loads() {
	rm -f $LOADS_STOP
	verifies "$1" 3>&- & LOADS+=($!)
	compares "$@" 3>&- & LOADS+=($!)
}

loads_end() {
	local pid

	touch $LOADS_STOP
	for pid in "${LOADS[@]}"; do
		wait "$pid" || {
			cat /tmp/fio.*
			return 1
		}
	done
	LOADS=()
}

loads_stop() {
	touch $LOADS_STOP
	[ "${#LOADS[@]}" = 0 ] || wait "${LOADS[@]}" || true
	rm -f /tmp/fio.*
}
