# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests of the agent in a test machine: `load agent` after `load cmk`.
#
#   vault_start            kvemu with the key "pg", which was made with the
#                          programs; sets KV_DIR, KEK
#   ctl COMMAND...         the vault's control interface
#   agent_config KEY=...   cmkd.conf with the strict profile, and [Policy] keys
#   agent_start, agent_stop [SIGNAL]
#   service_kek            the node's own key, made as pg was
#   service_up KEY=...     module, agent_config and agent, with that key for KEK
#                          and no vault
#   volume_make [OPTION..] formats CMK_DISK under KEK, by RANGE_SIZE or 32M,
#                          and opens it as "vol"; sets VOL_UUID
#   storm_start SECONDS    readers of the volume, with rests of 20 ms, until an
#                          error or the time
#   storm_wait, storm_field NAME
#   state, wait_state STATE SECONDS

VOL=/dev/mapper/vol

vault_start() {
	KV_DIR=$BATS_TEST_TMPDIR/kv
	mkdir -p "$KV_DIR"
	cp "$CMK_BED/vault.json" "$KV_DIR/state.json"
	kvemu --dir "$KV_DIR" --listen 127.0.0.1:0 --imds 127.0.0.1:0 "$@" \
		>"$BATS_TEST_TMPDIR/kvemu.out" 2>&1 3>&- &
	KV_PID=$!
	ctl --wait 20 state >/dev/null
	read -r _ _ KV_URL _ KV_IMDS <"$BATS_TEST_TMPDIR/kvemu.out"
	KEK=$KV_URL/keys/pg
}

ctl() { kvemu ctl --dir "$KV_DIR" "$@"; }

agent_config() {
	mkdir -p /etc/cmk
	printf '%s\n' '[Policy]' CheckInterval=5s CheckJitter=0% \
		GetInterval=5s ConfirmCount=2 ConfirmSpacing=1s SettleTime=0 \
		DenyHold=0 LeaseTTL=15s "$@" \
		'[Azure]' "ImdsEndpoint=${KV_IMDS-}" "CaFile=$KV_DIR/ca.pem" \
		RequestTimeout=1s >/etc/cmk/cmkd.conf
}

# By its own word: one that was killed leaves its socket behind.
agent_answers() {
	cmkctl --json status 2>/dev/null | jq -e '.agent == "running"'
} >/dev/null

agent_start() {
	cmkd >>"$BATS_TEST_TMPDIR/cmkd.log" 2>&1 3>&- &
	AGENT_PID=$!
	until agent_answers; do
		kill -0 "$AGENT_PID"
		sleep 0.1
	done
}

agent_stop() {
	[ -n "${AGENT_PID-}" ] || return 0
	kill "-${1:-TERM}" "$AGENT_PID" || true
	wait "$AGENT_PID" || true
	AGENT_PID=
}

service_kek() {
	mkdir -p /var/lib/cmk
	install -m 600 "$CMK_BED/service.kek" /var/lib/cmk
}

service_up() {
	modprobe dm-cmk
	KV_DIR=$BATS_TEST_TMPDIR
	KEK=service
	service_kek
	agent_config "$@"
	agent_start
}

volume_make() {
	wipefs -aq "$CMK_DISK"
	cmkctl -q --json format "$CMK_DISK" --force --kek "$KEK" \
		--range-size "${RANGE_SIZE:-32M}" "$@" >"$BATS_TEST_TMPDIR/format"
	VOL_UUID=$(jq -r .uuid "$BATS_TEST_TMPDIR/format")
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
}

state() { cmkctl status --json vol | jq -r '.volumes[0] | "\(.state) \(.cause)"'; }

wait_state() {
	local end=$((SECONDS + $2))

	until [[ "$(state)" == $1 ]]; do
		[ "$SECONDS" -lt "$end" ] || {
			echo "$(state), not $1"
			return 1
		}
		sleep 0.4
	done
}

# The vault on the same busy machine may answer later than RequestTimeout.
restore_vol() {
	local tries

	for ((tries = 0; tries < 10; tries++)); do
		! cmkctl restore vol || return 0
		sleep 1
	done
	return 1
}

storm_start() {
	rm -f "$BATS_TEST_TMPDIR/storm"
	iostorm "$VOL" 4 0 "$1" 4096 0 20000 >"$BATS_TEST_TMPDIR/storm" 3>&- &
	STORM_PID=$!
}

storm_wait() { wait "$STORM_PID"; }

storm_field() { field "$1" "$(<"$BATS_TEST_TMPDIR/storm")"; }

# For teardown, in this order.
all_down() {
	if [ -n "${STORM_PID-}" ]; then
		kill "$STORM_PID" 2>/dev/null && storm_wait || true
	fi
	cmkctl restore vol >/dev/null 2>&1 || true
	gone vol
	agent_stop
	if [ -n "${KV_PID-}" ]; then
		kill "$KV_PID"
		wait "$KV_PID" || true
	fi
	rm -rf /var/lib/cmk/* /run/cmk/* /etc/cmk/cmkd.conf
	# What a failed test needs to be understood.
	sed 's/^/# /' "$BATS_TEST_TMPDIR/cmkd.log" | tail -n 40
}
