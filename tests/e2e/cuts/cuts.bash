# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A machine whose power is cut, for `load cuts/cuts` after `load
# ../lib/volatile`.  Its vault is outside, and so is what its clients were told.
#
#   cuts_begin            in setup
#   cuts_end              in teardown
#   cuts_many N WRAP FS SIZE
#                         all of what follows, N times
#   cuts_up WRAP FS SIZE [lies=yes]
#                         vault, disks and machine, with all of cuts/guest
#   guest VERB            runs cuts/guest there
#   under_load KIND       a load, for a random time
#   power_cut             then this; prints what was lost, and when
#   comes_back            and then this: all that must be true again
#   no_trouble            the machine's kernel has not complained

CUTS_DIR=$BATS_TEST_DIRNAME/cuts
CUTS_TREE=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
CUTS_BUILD=${CMK_BUILD:-$CUTS_TREE/build}

vm() { "$CUTS_TREE/tests/vm/vm" "$@"; }
guest() { vm exec --timeout 400 -n "$VM" -- /root/guest "$@"; }
vault() { "$CUTS_BUILD/bin/kvemu" ctl --dir "$KV_DIR" "$@"; }

vault_up() {
	KV_DIR=$VOLATILE/kv
	"$CUTS_BUILD/bin/kvemu" --dir "$KV_DIR" --listen 127.0.0.1:0 \
		--imds 127.0.0.1:0 --name vault.test \
		>"$VOLATILE/kvemu.out" 2>&1 3>&- &
	KV_PID=$!
	vault --wait 60 key create pg >/dev/null
	read -r _ _ KV_URL _ KV_IMDS <"$VOLATILE/kvemu.out"
}

# The machine reaches two ports of this one's loopback, and nothing else.
net_words() {
	local to='cmd:socat - TCP:127.0.0.1'

	printf '%s,' user,id=net0,restrict=on,ipv6=off,net=169.254.169.0/24 \
		"guestfwd=tcp:169.254.169.253:443-$to:${KV_URL##*:}"
	printf '%s\n' "guestfwd=tcp:169.254.169.254:80-$to:${KV_IMDS##*:}"
}

machine_on() {
	local word words=()

	for word in -netdev "$(net_words)" -device virtio-net-pci,netdev=net0; do
		words+=("--qemu=$word")
	done
	while read -r word; do
		words+=("--qemu=$word")
	done < <(volatile_drive node; volatile_drive volume)
	vm start --kernel "${CMK_KERNEL:-6.12}" --memory 512M "${words[@]}" \
		"$VM"
	tar -cf - -C "$CUTS_DIR" guest -C "$KV_DIR" ca.pem |
		vm exec --timeout 60 "$VM" -- tar -xf - -C /root
}

# A machine is in no session: it would outlive a test that is ended by force.
machine_ends_with() {	# PID
	setsid bash -c 'while kill -0 "$1"; do sleep 5; done
		exec "$2" stop --kill --remove "$3"' - "$1" \
		"$CUTS_TREE/tests/vm/vm" "$VM" >/dev/null 2>&1 3>&- &
}

cuts_up() {	# WRAP FILESYSTEM SIZE [lies=yes]
	VM=cuts-$$
	VM_DIR=${CMK_VMS:-$CUTS_BUILD/vm}/$VM
	TOLD=$VOLATILE/told
	CUT=0
	ORDER=any
	RANDOM=$((SEED % 32768))
	machine_ends_with $$
	vault_up
	truncate -s 128M "$VOLATILE/node.raw"
	truncate -s "$3" "$VOLATILE/volume.raw"
	volatile_on node
	volatile_on volume "${@:4}"
	: >"$TOLD"
	machine_on
	guest make "$1" "$2" >"$VOLATILE/made"
	LAST_RANGE=$(($(tail -n 1 "$VOLATILE/made") - 1))
}

cuts_begin() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	VOLATILE=$BATS_TEST_TMPDIR
	volatile_seed
}

# What a failed test needs to be understood
cuts_tell() {
	[ -n "${VM-}" ] || return 0
	guest tell || true
	tail -n 20 "$VM_DIR/console.log" || true
}

cuts_down() {
	[ -z "${ROTATES-}" ] || kill "$ROTATES" || true
	[ -z "${VM-}" ] || vm stop --kill --remove "$VM" || true
	volatile_off node volume
	[ -z "${KV_PID-}" ] || kill "$KV_PID"
}

cuts_end() {
	[ -n "${BATS_TEST_COMPLETED-}" ] || cuts_tell
	cuts_down
}

rotates() {
	while vault key rotate pg >/dev/null; do
		sleep 0.3
	done
}

# Between 0 and 4 s after the first row is in
under_load() {	# KIND
	local rates=(8M 64M 1G)

	KIND=$1
	RATE=${rates[RANDOM % 3]}
	MOMENT=$((RANDOM % 4000))
	guest load "$KIND" "$RATE"
	if [ "$KIND" != rekey ]; then
		rotates 3>&- &
		ROTATES=$!
	fi
	guest writes
	sleep "$(printf '%d.%03d' $((MOMENT / 1000)) $((MOMENT % 1000)))"
}

last_of() { sed -n "s/^$1 //p" "$VM_DIR/tap.log" | tail -n 1; }

# What is known of the order: one that was paused is paused; and it is there as
# long as it was far from its last range, since what the machine has told last
# may be some time ago.
known_order() {
	local range rekey

	if [ "$KIND" = rewrap ]; then
		last_of O
		return
	fi
	rekey=$(last_of S | sed -n 's/.* rekey=\([a-z]*\).*/\1/p')
	range=$(last_of S | sed -n 's/.* rekey_range=\([0-9]*\).*/\1/p')
	case $rekey in
	armed | running | pending | complete)
		[ "$range" -ge $((LAST_RANGE - 1)) ] || {
			echo running
			return
		}
		;;
	esac
	echo any
}

power_cut() {
	local node volume

	node=$(volatile_cuts node)
	volume=$(volatile_cuts volume)
	volatile_stop volume
	vm stop --kill "$VM"
	[ -z "${ROTATES-}" ] || kill "$ROTATES" || true
	ROTATES=
	CUT=$((CUT + 1))
	echo "# $CUT: $SECONDS s, $KIND at $RATE, $MOMENT ms," \
		"$(last_of S | grep -o ' rekey=.*')" >&3
	for disk in volume node; do
		echo "#    $disk $(volatile_cut $disk "${!disk}")" >&3
	done
	sed -n 's/^C //p' "$VM_DIR/tap.log" >>"$TOLD"
	echo "#    $(grep -c '^C ' "$VM_DIR/tap.log") told," \
		"$(grep -c '^R 0' "$VM_DIR/tap.log" || true) rekeys," \
		"$(grep -c '^W 0' "$VM_DIR/tap.log" || true) rewraps" >&3
	ORDER=$(known_order)
	no_trouble
}

no_trouble() {
	PYTHONPATH=$CUTS_TREE/tests/vm /usr/bin/python3 -B - \
		"$VM_DIR/console.log" <<-'END'
		import sys
		from bed import klog
		with open(sys.argv[1], errors='replace') as f:
		    bad = klog.trouble(f.read().splitlines())
		print('\n'.join(bad))
		sys.exit(bool(bad))
	END
}

comes_back() {
	machine_on
	guest boot "$ORDER"
	guest check
	what_was_told_is_there
}

what_was_told_is_there() {
	guest told | sort >"$VOLATILE/there"
	[ -s "$TOLD" ]
	sort "$TOLD" | comm -23 - "$VOLATILE/there" >"$VOLATILE/lost"
	[ ! -s "$VOLATILE/lost" ] || {
		echo "lost: $(wc -l <"$VOLATILE/lost") of $(wc -l <"$TOLD")"
		head -n 5 "$VOLATILE/lost"
		return 1
	}
}

cuts_many() {	# N WRAP FILESYSTEM SIZE
	local kinds=(rekey rewrap both) i

	cuts_up "${@:2}"
	for ((i = 0; i < $1; i++)); do
		under_load "${kinds[i % 3]}"
		power_cut
		comes_back
	done
	guest finish
	what_was_told_is_there
	no_trouble
}
