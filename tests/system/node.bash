# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A node as its owner sets it up, for `load node` after `load ../lib/guest`:
# the units of the packages, a vault on the same machine (one clock for both),
# and the volume "vol" of eight ranges under the vault's key "pg".
#
#   node_up [KEY=VALUE...]  in setup_file: the strict profile of [Policy] and
#                           these keys; formats CMK_DISK, opens the volume
#   node_down               in teardown_file
#   node_ready              in setup: undo what a test before has done
#   node_tell               in teardown: what a failed test needs to be told
#
#   vault COMMAND...        the vault's control interface
#   vault_copy              keeps the vault as it is, with its keys
#   vault_from_copy         brings it back, as no command can what is purged
#   asked [FILTER]          how many requests its log holds (jq)
#   after_probe             returns when the agent has just asked the vault
#   state, wait_state "STATE CAUSE" SECONDS, status FIELD (jq)
#   entry EVENT             what the audit trail has of it since START=$(now)
#   decided N               the agent has held and revoked N times in this test
#   storm_start SECONDS [READERS WRITERS]
#                           a reader and a writer, one I/O each with a rest
#                           after it, or many without one, until an error
#   storm_wait, storm FIELD, storm_goes_on
#   data_is_equal           what was written before is there
#
#   restore_vol             by an administrator
#
#   kill_agent              by SIGKILL, and systemd does not start it again
#   agent_may_live          undo that; it still has to be started

KV=/var/lib/kvemu
KEK=https://localhost:8443/keys/pg
VOL=/dev/mapper/vol
# The writer has the first six ranges, the pattern lies across the border of
# the seventh and the eighth.
RANGE=32
STORM_SECTORS=$((6 * RANGE * 2048))
DATA_AT=$((7 * RANGE - 4))
DROPIN=/run/systemd/system/cmkd.service.d

vault() { kvemu ctl --dir "$KV" "$@"; }

# now: CLOCK_BOOTTIME in microseconds, to 10 ms
now() {
	local up

	read -r up _ </proc/uptime
	echo "${up/./}0000"
}

node_config() {
	mkdir -p /etc/cmk
	printf '%s\n' '[Policy]' CheckInterval=5s CheckJitter=0% \
		GetInterval=5s ConfirmCount=2 ConfirmSpacing=1s SettleTime=0 \
		OnDenied=revoke DenyHold=0 LeaseTTL=15s "$@" \
		'[Azure]' ImdsEndpoint=http://127.0.0.1:8081 \
		"CaFile=$KV/ca.pem" RequestTimeout=1s >/etc/cmk/cmkd.conf
}

vault_start() {
	systemd-run --quiet --collect --unit=kvemu kvemu --dir "$KV" \
		--listen 127.0.0.1:8443 --imds 127.0.0.1:8081
	vault --wait 30 state >/dev/null
}

vault_up() {
	mkdir -p $KV
	cp "$CMK_BED/vault.json" $KV/state.json
	vault_start
}

vault_copy() { cp -p $KV/state.json "$BATS_FILE_TMPDIR/vault"; }

vault_from_copy() {
	systemctl stop kvemu
	cp -p "$BATS_FILE_TMPDIR/vault" $KV/state.json
	vault_start
}

data() { seq 100000000 100932067 | head -c 8M; }

node_up() {
	local uuid

	# Of a test that was ended by force.
	systemctl stop cmk@vol cmkd kvemu 2>/dev/null || true
	rm -rf $KV
	vault_up
	node_config "$@"
	systemctl start cmkd
	cmkctl -q --json format "$CMK_DISK" --force --kek "$KEK" \
		--range-size "${RANGE}M" >"$BATS_FILE_TMPDIR/format"
	uuid=$(jq -r .uuid "$BATS_FILE_TMPDIR/format")
	echo "vol UUID=$uuid $KEK nofail,_netdev" >/etc/cmktab
	systemctl start cmk@vol
	data | dd of="$VOL" bs=1M seek=$DATA_AT iflag=fullblock oflag=direct \
		status=none
}

node_down() {
	[ ! -e /dev/mapper/storm ] || dmsetup remove --retry storm
	systemctl stop cmk@vol cmkd kvemu
	rm -rf $KV $DROPIN
	systemctl daemon-reload
	systemctl reset-failed
}

node_ready() {
	vault reset >/dev/null
	vault key recover pg >/dev/null || true
	vault key enable pg >/dev/null
	vault key exp pg none >/dev/null
	vault allow default get wrapKey unwrapKey >/dev/null
	wait_state "ready none" 60
	DECIDED=$(decisions)
	[ -e /dev/mapper/storm ] || dmsetup create storm --table \
		"0 $STORM_SECTORS linear $VOL 0"
}

node_tell() {
	if [ -n "${STORM-}" ]; then
		kill "$STORM" 2>/dev/null
		wait "$STORM" || true
	fi
	cmkctl status
	journalctl -u cmkd -o cat --no-pager -n 10
	tail -n 5 "$KV/requests.log" |
		jq -c '[.boottime_us, .op, .status, .code]'
} 2>&1

asked() {
	jq -s "map(select(${1:-true})) | length" "$KV/requests.log"
}

probes() { grep -c '"op":"unwrapKey"' "$KV/requests.log" || true; }
more_probes() { [ "$(probes)" -gt "$1" ]; }
after_probe() { until_true 40 more_probes "$(probes)"; }

status() { cmkctl status --json vol | jq -r ".volumes[0] | $1"; }
state() { status '"\(.state) \(.cause)"' 2>/dev/null; }
state_is() { [ "$(state)" = "$1" ]; }

wait_state() {
	until_true "$2" state_is "$1" || {
		echo "$(state), not $1"
		return 1
	}
}

# The vault on the same busy machine may answer later than RequestTimeout.
restore_vol() { until_true 3 cmkctl restore vol; }

# Of the audit trail, what was written since START
entry() {	# EVENT
	journalctl --sync
	journalctl -b -o json --no-pager CMK_EVENT="$1" |
		jq -c "select((.CMK_BOOTTIME_US // \"0\" | tonumber) >= $START)"
}

# Of the audit trail; --after-cursor with a match passes over one entry.
decisions() {
	journalctl --sync
	journalctl -b -o cat --no-pager CMK_EVENT=hold CMK_EVENT=revoke |
		grep -c . || true
}

decided() { [ $(($(decisions) - DECIDED)) = "$1" ]; }

# On a device of its own, because a writer of iostorm writes anywhere.
storm_start() {
	local rest=20000

	[ $# = 1 ] || rest=0
	rm -f "$BATS_TEST_TMPDIR/storm"
	iostorm /dev/mapper/storm "${2:-1}" "${3:-1}" "$1" 4096 0 $rest \
		>"$BATS_TEST_TMPDIR/storm" 3>&- &
	STORM=$!
}

storm_wait() {
	wait "$STORM"
	STORM=
	cat "$BATS_TEST_TMPDIR/storm"
}

storm() {
	sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" "$BATS_TEST_TMPDIR/storm"
}

storm_goes_on() { kill -0 "$STORM"; }

data_is_equal() {
	dd if="$VOL" bs=1M skip=$DATA_AT count=8 iflag=direct status=none |
		cmp - <(data)
}

agent_is_dead() {
	[ "$(systemctl show -P ActiveState cmkd)" = failed ] &&
		! pgrep -x cmkd
}

kill_agent() {
	mkdir -p $DROPIN
	printf '[Service]\nRestart=no\n' >$DROPIN/dies.conf
	systemctl daemon-reload
	systemctl kill -s KILL cmkd
	until_true 10 agent_is_dead
}

agent_may_live() {
	rm -rf $DROPIN
	systemctl daemon-reload
}
