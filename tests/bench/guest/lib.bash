# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For the scripts that measure in a machine.

here=/usr/lib/cmk-bed/tests
. $here/lib/guest.bash
. $here/kernel/cmk.bash

SIZE=262144
TARGETS='linear crypt-default crypt-noqueue crypt-samecpu cmk'

# What goes to this port reaches the host at once.
exec 3>/dev/virtio-ports/cmk.tap
trap '[ $? = 0 ] || echo "error $BASH_COMMAND" >&3' EXIT

ram() {
	[ ! -b /dev/ram0 ] || return 0
	modprobe brd rd_nr=1 rd_size=$((SIZE / 2))
	# A page that was never written costs less to read, more to write; what
	# is in it, nothing.
	dd if=/dev/zero of=/dev/ram0 bs=1M count=$((SIZE / 2048)) status=none
}

# null IRQMODE
null() {
	modprobe -r null_blk 2>/dev/null || true
	modprobe null_blk nr_devices=1 memory_backed=1 gb=1 bs=512 \
		irqmode="$1" queue_mode=2
	dd if=/dev/zero of=/dev/nullb0 bs=1M count=$((SIZE / 2048)) \
		status=none
}

# by_serial SERIAL: the virtio disk that bears it
by_serial() {
	local dir

	for dir in /sys/block/vd*; do
		[ "$(<"$dir/serial")" != "$1" ] || echo "/dev/${dir##*/}"
	done
}

# crypt NAME DEVICE OFFSET SECTOR_SIZE OPTION...
crypt() {
	dmsetup create "$1" --table "0 $SIZE crypt aes-xts-plain64 $KEY_A 0 \
		$2 $3 $(($# - 3)) sector_size:$4 ${*:5}"
}

# keys UUID NR: one for each of so many ranges
keys() {
	seq 0 $(($2 - 1)) | sed "s/.*/set $1 & 1 $KEY_A/" | nltool >/dev/null
}

# targets_on DISK SECTOR_SIZE [STEP]: all, each so many sectors after the last
targets_on() {
	local step=${3:-0}

	modprobe dm-cmk
	dmsetup create linear --table "0 $SIZE linear $1 0"
	crypt crypt-default "$1" $((step * 1)) "$2"
	crypt crypt-noqueue "$1" $((step * 2)) "$2" \
		no_read_workqueue no_write_workqueue
	crypt crypt-samecpu "$1" $((step * 3)) "$2" \
		same_cpu_crypt submit_from_crypt_cpus
	cmk_create cmk "$1" 65536 0 $((step * 4)) "$SIZE" "sector_size:$2"
	keys "$UUID" $((SIZE / 65536))
}

# devices DISK SECTOR_SIZE: all targets over one disk
devices() {
	local disk

	# shellcheck disable=SC2086 # a list
	gone $TARGETS
	case $1 in
	ram) ram; disk=/dev/ram0 ;;
	null*) null "${1#null}"; disk=/dev/nullb0 ;;
	virtio) disk=$(by_serial bench) ;;
	esac
	targets_on "$disk" "$2"
}

# fio_on TARGET RW KIB ENGINE DEPTH OPTION...; "": as the options say
fio_on() {
	fio ${1:+--filename="/dev/mapper/$1"} --rw="$2" --bs="$3k" \
		--ioengine="$4" --iodepth="$5" --direct=1 --thread \
		--norandommap --output-format=json "${@:6}"
}

# What a call takes, by fio's clock around it
ONE='(.read, .write) | select(.total_ios > 0) | .lat_ns.mean'

# With one I/O at a time: what else the machine does only adds, so that the
# lowest of three runs is nearest to the cost.  fio is begun once for all
# targets: that takes an emulated CPU longer than most of their runs.
#
# lowest RW KIB ENGINE DEPTH NR TARGET...: `TARGET NANOSECONDS` of each
lowest() {
	local target i args=()

	for target in "${@:6}"; do
		for i in 1 2 3; do
			args+=(--name="$target" --stonewall
				--filename="/dev/mapper/$target")
		done
	done
	fio_on "" "${@:1:4}" --number_ios="$5" --io_size=1t "${args[@]}" |
		jq -r --args "\$ARGS.positional[] as \$t |
			[.jobs[] | select(.jobname == \$t) | $ONE] |
			\"\(\$t) \(min)\"" "${@:6}"
}

# busy FILE: nanoseconds in which the one CPU of a machine was not idle, from
# a copy of /proc/timer_list.  It has the kernel's exact sums; /proc/stat and
# uptime have them in steps of 10 ms.
busy() {
	local name at value rest sum=""

	while read -r name at value rest; do
		case $name in
		now) sum=$value ;;
		.idle_sleeptime | .iowait_sleeptime) sum=$((sum - value)) ;;
		esac
	done <"$1"
	echo "$sum"
}
