# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Disks with a volatile write cache (tests/vm/volatile-disk.c), for tests on the
# host: `load ../lib/volatile`.  They lie in VOLATILE, each as NAME.raw, and are
# served at NAME.sock.
#
#   volatile_seed          sets SEED, anew or as CMK_SEED has it, and prints it
#   volatile_on NAME [lies=yes]
#                          serves the file that is there
#   volatile_off NAME...   ends that
#   volatile_drive NAME    QEMU's words for it, one a line; its serial number is
#                          the name
#   volatile_stop NAME     returns when it has stopped as a cut is to find it,
#                          or after some seconds in which nothing was written
#   volatile_cuts NAME     how many times its power was cut
#   volatile_cut NAME N    waits until that is more than N; prints what was lost

VOLATILE_SO=${CMK_BUILD:-$BATS_TEST_DIRNAME/../../build}/test/volatile-disk.so

volatile_seed() {
	export SEED=${CMK_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
	echo "# CMK_SEED=$SEED" >&3
}

volatile_on() {
	local disk=$VOLATILE/$1 tries

	rm -f "$disk.sock"
	touch "$disk.log"
	nbdkit -f -U "$disk.sock" "$VOLATILE_SO" file="$disk.raw" \
		log="$disk.log" seed="$SEED" "${@:2}" \
		>"$disk.nbdkit" 2>&1 3>&- &
	echo $! >"$disk.pid"
	for ((tries = 0; tries < 200; tries++)); do
		[ ! -S "$disk.sock" ] || return 0
		sleep 0.1
	done
	cat "$disk.nbdkit"
	return 1
}

volatile_off() {
	local name pid

	for name; do
		[ -e "$VOLATILE/$name.pid" ] || continue
		pid=$(<"$VOLATILE/$name.pid")
		rm "$VOLATILE/$name.pid"
		kill "$pid"
		# It may have been started by a shell that is no more.
		while kill -0 "$pid" 2>/dev/null; do
			wait "$pid" 2>/dev/null || sleep 0.05
		done
	done
}

volatile_drive() {
	printf '%s\n' -drive "if=none,id=$1,format=raw,file.driver=nbd,file.server.type=unix,file.server.path=$VOLATILE/$1.sock" \
		-device "virtio-blk-pci,drive=$1,serial=$1"
}

volatile_stop() {
	local disk=$VOLATILE/$1.raw tries

	rm -f "$disk.stopped"
	touch "$disk.stop"
	for ((tries = 0; tries < 200; tries++)); do
		[ ! -e "$disk.stopped" ] || return 0
		sleep 0.05
	done
	rm -f "$disk.stop"
	echo "# $1: nothing is written" >&3
}

volatile_cuts() { wc -l <"$VOLATILE/$1.log"; }

volatile_cut() {
	local tries

	for ((tries = 0; tries < 600; tries++)); do
		[ "$(volatile_cuts "$1")" -le "$2" ] || break
		sleep 0.1
	done
	[ "$(volatile_cuts "$1")" -gt "$2" ]
	tail -n 1 "$VOLATILE/$1.log"
}
