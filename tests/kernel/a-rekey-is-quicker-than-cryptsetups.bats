#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels:
# cmk-more-kernels: 6.12 6.1
# cmk-mode: plain
# cmk-own-vm
# cmk-mem: 2G
# cmk-timeout: 400
#
# A rekey of a whole volume beside `cryptsetup reencrypt` of a LUKS2 volume, in
# one machine on one disk of memory, idle and under a reader of 4 KiB: how long
# it takes, what the reader gets meanwhile, and how long he waits at worst.

load ../lib/guest
load cmk
load rekey

if [ -n "${CMK_LONG-}" ]; then
	MIB=560 ROUNDS=5
else
	MIB=96 ROUNDS=1
fi

# One range, which the volume does not fill
RANGE=$((2 << 21))
SECTORS=$(((MIB - 16) * 2048))
DISK=/dev/ram0

setup() {
	modprobe -a dm-cmk dm-crypt
	modprobe brd rd_nr=1 rd_size=$((MIB << 10))
	dd if=/dev/zero of=$DISK bs=1M oflag=direct status=none || true
	printf '%064d' 0 >/tmp/luks.key
}

teardown() {
	reader_end
	gone cmk luks
	rmmod brd
}

reader_start() {	# DEVICE
	rm -f /tmp/fio.json
	fio --name=r --filename="$1" --rw=randread --bs=4k --direct=1 \
		--ioengine=psync --time_based --runtime=600 --randrepeat=0 \
		--output-format=json --output=/tmp/fio.json \
		>/tmp/fio.log 2>&1 3>&- &
	READER=$!
	sleep 1
}

reader_end() {
	[ -n "${READER-}" ] || return 0
	kill -INT "$READER" || true
	wait "$READER" || true
	READER=
}

# reader_says: I/Os a second, worst in microseconds, of one that has ended
reader_says() {
	sed -n '/^{/,$p' /tmp/fio.json | jq -r '.jobs[0].read |
		"\(.iops | floor) \(.clat_ns.max / 1000 | floor)"'
}

luks_create() {
	cryptsetup luksFormat -q --type luks2 --cipher aes-xts-plain64 \
		--key-size 512 --sector-size 4096 --pbkdf pbkdf2 \
		--pbkdf-force-iterations 1000 $DISK /tmp/luks.key
	cryptsetup open --key-file /tmp/luks.key $DISK luks
}

# Online: the volume is open meanwhile
luks_rekey() {	# RESILIENCE
	cryptsetup reencrypt -q --key-file /tmp/luks.key --resilience "$1" \
		--pbkdf pbkdf2 --pbkdf-force-iterations 1000 $DISK
}

volume_create() {
	no_record
	cmk_create cmk $DISK $RANGE 0 $DATA $SECTORS record:$RECORD
	nl "set $UUID 0 1 $OLD" >/dev/null
}

# As the agent has it done: between two runs of dmsetup the reader waits longer.
drain() {
	echo "{\"method\": \"Drain\", \"uuid\": \"$UUID\"}" |
		socat -t 60 - EXEC:"cmkctl helper"
}

volume_rekey() {
	nl "rekey $UUID 0 $RUN 7 $MAC 1 2 $NEW $*" >/dev/null
	drain
	nl "rekey-wait $UUID" >/dev/null
	[[ "$(dmsetup status cmk)" == *" rekey=complete "* ]]
}

# measure NAME DEVICE COMMAND...: idle and under the reader, one line each
measure() {
	local begin name=$1 device=$2 used=$3 n

	shift 3
	[ "$used" = idle ] || reader_start "$device"
	begin=$EPOCHREALTIME
	"$@"
	n=$(((${EPOCHREALTIME/./} - ${begin/./}) / 1000))
	reader_end
	echo "$name $used $n $([ "$used" = idle ] || reader_says)" |
		tee -a "$BATS_FILE_TMPDIR/table"
}

one() {	# NAME IDLE-OR-READER
	case $1 in
	cmk*)
		volume_create
		measure "$1" /dev/mapper/cmk "$2" volume_rekey
		gone cmk
		;;
	*)
		luks_create
		measure "$1" /dev/mapper/luks "$2" luks_rekey "$1"
		cryptsetup close luks
		;;
	esac
}

# What the reader gets when nothing else happens
alone() {
	volume_create
	reader_start /dev/mapper/cmk
	sleep 5
	reader_end
	echo "alone reader 0 $(reader_says)" |
		tee -a "$BATS_FILE_TMPDIR/table"
	gone cmk
}

# median NAME IDLE-OR-READER FIELD
median() {
	awk -v n="$1" -v u="$2" -v f="$3" '$1 == n && $2 == u { print $f }' \
		"$BATS_FILE_TMPDIR/table" | sort -n |
		awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'
}

# Of a host that does nothing else: 1.8 times as fast, no wait above 20 ms in
# the median, and no fewer I/Os for the reader.
targets() {
	[ $(($(median cmk idle 3) * 18)) -le \
		$(($(median journal idle 3) * 10)) ]
	[ "$(median cmk reader 5)" -le 20000 ]
	[ "$(median cmk reader 4)" -ge "$(median journal reader 4)" ]
}

@test "side by side" {
	local round name used

	for ((round = 0; round < ROUNDS; round++)); do
		alone
		for used in idle reader; do
			for name in cmk checksum journal none; do
				one $name $used
			done
		done
	done
	sed 's/^/# /' "$BATS_FILE_TMPDIR/table" >&3
	[ "$(grep -c 'reader [0-9]* $' "$BATS_FILE_TMPDIR/table")" = 0 ]
	[ "$(median cmk idle 3)" -lt "$(median journal idle 3)" ]
	[ -z "${CMK_LONG-}" ] || targets
}
