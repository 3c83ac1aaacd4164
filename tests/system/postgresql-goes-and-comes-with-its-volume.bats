#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 512M
# cmk-timeout: 1200
# cmk-own-vm
# cmk-allow-klog: EXT4-fs \(dm-[0-9]+\): shut down requested
# cmk-allow-klog: Aborting journal|I/O error|JBD2|drop_caches|EXT4-fs error
#
# PostgreSQL on a volume, with stop= in cmktab: when the vault says no the
# database stops and its file system goes, when it says yes again both come back
# by their units, and every row whose COMMIT was answered is there.  The same by
# command of a member of the security group, who is not root, with the agent
# dead.  Where the no is a hold, the database waits and goes on, and neither it
# nor its client has met an error.

load ../lib/guest
load node

CYCLES=${CMK_LONG:+25}
CYCLES=${CYCLES:-2}
UNIT=postgresql@15-main.service
PG_DROPIN=/run/systemd/system/$UNIT.d

setup_file() {
	node_up
	systemd-sysusers
	systemctl start cmk-helper.socket
	sed -i "s/_netdev$/_netdev,stop=$UNIT/" /etc/cmktab
	mkfs.ext4 -q -E nodiscard "$VOL"
	mkdir -p /srv/pg $PG_DROPIN
	echo "$VOL /srv/pg ext4 nofail,x-systemd.requires=cmk@vol.service 0 0" \
		>>/etc/fstab
	printf '[Unit]\nRequiresMountsFor=/srv/pg\n' >$PG_DROPIN/cmk.conf
	systemctl daemon-reload
	systemctl start /srv/pg
	install -d -o postgres -g postgres /srv/pg/15
	pg_createcluster 15 main -D /srv/pg/15/main -- -k >/dev/null
	systemctl start $UNIT
	sql "CREATE TABLE t (id int PRIMARY KEY)"
	useradd --system --groups cmk-security officer
	useradd --system other
}

teardown_file() {
	systemctl stop $UNIT /srv/pg cmk-helper.socket
	pg_dropcluster 15 main || true
	sed -i '/srv.pg/d' /etc/fstab
	rm -rf $PG_DROPIN
	userdel officer
	userdel other
	node_down
}

setup() {
	ROWS=$BATS_FILE_TMPDIR/rows
	ENOUGH=$BATS_TEST_TMPDIR/enough
}

teardown() {
	touch "$ENOUGH"
	[ -z "${WRITER-}" ] || kill "$WRITER" 2>/dev/null || true
	systemctl --no-pager status $UNIT srv-pg.mount | tail -n 30
	journalctl --no-pager -u 'cmk-helper@*' -o cat | tail -n 20
	cmkctl status
	journalctl -u cmkd -o cat --no-pager -n 10
	agent_may_live
	systemctl start cmkd
	cmkctl -q restore vol 2>/dev/null || true
}

as() { setpriv --reuid="$1" --regid="$1" --init-groups "${@:2}"; }

# What is asked often is started without a session and without Debian's wrapper,
# which is a Perl program: an emulated CPU takes seconds for them.
PG_BIN=/usr/lib/postgresql/15/bin
PSQL=("$PG_BIN/psql" -XAtq -v ON_ERROR_STOP=1)

sql() { as postgres "${PSQL[@]}" <<<"$1"; }

# Rows one by one, of one session; a number is in the log when its COMMIT was
# answered.  Return: 0 if there was no error until it was told to stop.
write_rows() {
	local i answer

	i=$(sql "SELECT coalesce(max(id), 0) + 1 FROM t") || return 1
	coproc CLIENT { as postgres stdbuf -oL "${PSQL[@]}"; }
	until [ -e "$ENOUGH" ]; do
		printf 'INSERT INTO t VALUES (%s);\n\\echo %s\n' "$i" "$i"
		read -r answer <&"${CLIENT[0]}" || return 1
		[ "$answer" = "$i" ] || return 1
		echo "$i" >>"$ROWS"
		i=$((i + 1))
	done >&"${CLIENT[1]}"
} 2>/dev/null

writer_start() {
	rm -f "$ENOUGH"
	write_rows 3>&- &
	WRITER=$!
	until_true 30 more_rows_than "$(rows)"
}

writer_wait() {
	local writer=$WRITER

	WRITER=
	wait "$writer"
}

rows() { wc -l 2>/dev/null <"$ROWS" || echo 0; }
more_rows_than() { [ "$(rows)" -gt "$1" ]; }

rows_are_there() {
	sql "SELECT id FROM t" | sort >"$BATS_TEST_TMPDIR/found"
	sort "$ROWS" >"$BATS_TEST_TMPDIR/logged"
	[ -s "$BATS_TEST_TMPDIR/logged" ]
	[ -s "$BATS_TEST_TMPDIR/found" ]
	[ -z "$(comm -23 "$BATS_TEST_TMPDIR/logged" \
		"$BATS_TEST_TMPDIR/found")" ]
}

stopped() {
	! systemctl is-active -q $UNIT && ! mountpoint -q /srv/pg &&
		! pgrep -u postgres postgres
}

serves() { sql "SELECT 1" >/dev/null 2>&1; }

# since MICROSECONDS: keeps how long it is, as one of those that told tells
since() { echo "$((($(now) - $1) / 1000))" >>"$BATS_TEST_TMPDIR/took"; }

told() {
	echo "# $(wc -l <"$BATS_TEST_TMPDIR/took") cycles, back after" \
		"$(sort -n "$BATS_TEST_TMPDIR/took" | awk '{a[NR] = $1}
		END {print a[int((NR + 1) / 2)] " ms, worst " a[NR]}')," \
		"$(rows) rows" >&3
}

cycle() {	# BEGIN... -- END...
	local begin=() began

	while [ "$1" != -- ]; do
		begin+=("$1")
		shift
	done
	shift
	writer_start
	sleep 2
	"${begin[@]}"
	until_true 60 stopped
	if writer_wait; then
		echo "the client has met no error"
		return 1
	fi
	began=$(now)
	"$@"
	until_true 90 serves
	since "$began"
	rows_are_there
}

@test "the vault says no, and yes again" {
	local i

	for ((i = 0; i < CYCLES; i++)); do
		cycle vault key delete pg -- vault key recover pg
	done
	told
}

mount_id() { findmnt -nro ID /srv/pg; }
complaints() { grep -cE 'ERROR|FATAL|PANIC' /var/log/postgresql/*.log || true; }

# What must be as it was: who serves, from which mount, with which errors.
scene() {
	systemctl show -P MainPID $UNIT
	mount_id
	complaints
}

waits_and_goes_on() {
	local before began scene

	scene=$(scene)
	writer_start
	vault key delete pg >/dev/null
	wait_state "held kek-deleted" 15
	[ "$(status .live)" = 0 ]
	before=$(rows)
	sleep 3
	# One may have been answered before.
	[ "$(rows)" -le $((before + 1)) ]
	began=$(now)
	vault key recover pg >/dev/null
	wait_state "ready none" 20
	until_true 20 more_rows_than $((before + 1))
	since "$began"
	touch "$ENOUGH"
	writer_wait
	[ "$(scene)" = "$scene" ]
	rows_are_there
}

@test "the vault says no, which is a hold, and yes again" {
	local i

	node_config OnDenied=hold DenyHold=10min
	systemctl reload cmkd
	for ((i = 0; i < CYCLES; i++)); do
		waits_and_goes_on
	done
	told
	node_config
	systemctl reload cmkd
}

@test "an administrator's revoke and restore" {
	cycle cmkctl revoke vol -- cmkctl restore vol
	told
}

@test "who is neither root nor of the security group may not" {
	run as other cmkctl revoke vol
	echo "$output"
	[ "$status" = 3 ]
	run as officer cmkctl restore vol
	[ "$status" = 3 ]
	# Root would open what they name.
	run as officer cmkctl revoke $VOL /dev/watchdog
	echo "$output"
	[ "$status" = 3 ]
	printf '{"method":"Purge","uuid":"%s"}\n' "$(status .uuid)" |
		as officer socat - UNIX-CONNECT:/run/cmk-helper.sock |
		grep '"status":3'
	serves
}

officer_revokes() {
	kill_agent
	as officer cmkctl revoke vol --reason "by the officer"
	[ "$(status .reason)" = "by the officer" ]
	[ "$(status .state)" = revoked ]
}

root_restores() {
	agent_may_live
	systemctl start cmkd
	wait_state "revoked admin" 30
	cmkctl restore vol
}

@test "a member of the security group revokes, with the agent dead" {
	cycle officer_revokes -- root_restores
	told
}

@test "and with a configuration that has become wrong" {
	echo OfALaterRelease=yes >>/etc/cmk/cmkd.conf
	run as officer cmkctl hold vol
	sed -i /OfALaterRelease/d /etc/cmk/cmkd.conf
	echo "$output"
	[ "$status" = 7 ]
	[[ $output == *"may not outlive a reboot"* ]]
	[ "$(state)" = "held admin" ]
	cmkctl restore vol
	until_true 20 serves
}

@test "no page of the database is damaged" {
	systemctl stop $UNIT
	su postgres -c "$PG_BIN/pg_checksums --check \
		-D /srv/pg/15/main" | grep "Bad checksums: *0"
	systemctl start $UNIT
}
