#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels:
# cmk-more-kernels: 6.12
# cmk-mode: host
# cmk-timeout: 1500
#
# A node is told to power off while an administrator holds a volume, for ever:
# its file system is mounted and has data that cannot be written now, and two
# processes wait for the volume.  systemd gives up what does not stop, within
# its own bounds, and the machine is off by itself.  When it is started again,
# what had been synced is there, and the volume still waits for its restore.

TREE=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BUILD=${CMK_BUILD:-$TREE/build}

# Seconds that systemd waits for a unit to stop, here; by default 90.  A mount
# may take twice as long, and so may the processes that are left in the end.
# What is mounted then it tries twice, 90 seconds each, to make read-only, and
# syncing and detaching have bounds of their own: five minutes in all.
STOP=10
AT_MOST=900

vm() { "$TREE/tests/vm/vm" "$@"; }
node() { vm exec --timeout 120 -n "$VM" -- bash -ec "$1"; }
runs() { vm list | grep -q "^$VM.*running"; }

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	export VM=held-$$
	# It is in no session: it would outlive a test that is ended by force.
	setsid bash -c 'while kill -0 "$1"; do sleep 5; done
		exec "$2" stop --kill --remove "$3"' - $$ "$TREE/tests/vm/vm" \
		"$VM" >/dev/null 2>&1 3>&- &
	# Emulated, this takes long.
	openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:3072 \
		-out "$BATS_FILE_TMPDIR/service.kek"
	vm start --systemd --kernel "${CMK_KERNEL:-6.12}" --disk 128M "$VM"
	vm push "$VM" "$BATS_FILE_TMPDIR/service.kek" /root/service.kek
}

teardown_file() {
	[ -z "${VM-}" ] || vm stop --kill --remove "$VM" || true
}

setup() { CONSOLE=${CMK_VMS:-$BUILD/vm}/$VM/console.log; }

# As its owner sets it up, but for the bound.
prepared() {
	node "
		mkdir -p /etc/systemd/system.conf.d /srv/held
		printf '[Manager]\nDefaultTimeoutStopSec=${STOP}s\n' \
			>/etc/systemd/system.conf.d/stop.conf
		install -m 600 /root/service.kek /var/lib/cmk/service.kek
		systemctl start cmkd"
	node '
		disk=/dev/disk/by-id/virtio-cmkdata
		uuid=$(cmkctl -q --json format $disk --force | jq -r .uuid)
		echo "held UUID=$uuid service nofail" >/etc/cmktab
		echo "/dev/mapper/held /srv/held ext4" \
			"nofail,x-systemd.requires=cmk@held.service 0 0" \
			>>/etc/fstab
		systemctl daemon-reload
		systemctl start cmk@held
		mkfs.ext4 -q /dev/mapper/held
		systemctl start srv-held.mount'
}

# One waits in the device, one in the file system.
held_in_use() {
	node '
		echo synced >/srv/held/file
		sync
		cmkctl hold held
		echo late >/srv/held/late
		systemd-run -q --unit=reader \
			dd if=/dev/mapper/held of=/dev/null bs=4k iflag=direct
		systemd-run -q --unit=writer \
			dd if=/dev/zero of=/srv/held/file bs=4k count=1 \
			conv=fsync,notrunc seek=1
		status() { cmkctl status --json held | jq ".volumes[0]$1"; }
		until [ "$(status .parked)" -ge 2 ]; do
			sleep 0.2
		done
		[ "$(status "| .state, .sticky" | xargs)" = "held true" ]
		for unit in reader writer cmk@held srv-held.mount cmkd; do
			systemctl is-active $unit
		done'
}

powered_off() {
	local begin=$SECONDS

	vm exec -n "$VM" -- systemctl --no-block poweroff || true
	while runs; do
		[ $((SECONDS - begin)) -le $AT_MOST ] || {
			tail -n 60 "$CONSOLE"
			return 1
		}
		sleep 1
	done
	echo "# off after $((SECONDS - begin)) s" >&3
	# A kernel that had panicked would have started again.
	grep -q 'reboot: Power down' "$CONSOLE"
}

@test "power off with a held volume, mounted and waited for" {
	prepared
	held_in_use
	powered_off
}

@test "after it what was synced is there, and the volume waits for a restore" {
	vm start --again "$VM"
	node '
		if systemctl start srv-held.mount; then
			exit 1
		fi
		cmkctl restore held
		systemctl start srv-held.mount
		grep -qx synced /srv/held/file'
}
