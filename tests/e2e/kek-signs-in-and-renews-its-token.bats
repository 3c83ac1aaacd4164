#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Tokens by managed identity and by client secret: kept, renewed, replaced once
# when the vault refuses one; and what a source's errors lead to.
#
# cmk-timeout: 180

load kek

setup() {
	kek_setup
	kek_wrap
	log_mark
}

teardown() {
	kvemu_stop
}

# The settings of an application with the client secret in $SECRET.
use_app() {
	local app

	app=$(ctl app add node --permissions get,wrapKey,unwrapKey)
	SECRET=$BATS_TEST_TMPDIR/secret
	(umask 077 && jq -r '.secret // .client_secret' <<<"$app" >"$SECRET")
	APP_ID=$(jq -r .client_id <<<"$app")
	KEK_SETTINGS=(--auth client-secret --ca "$KV_DIR/ca.pem"
		--tenant "$(ctl --get tenant state)" --client-id "$APP_ID"
		--client-secret "file:$SECRET" --authority "$KV_URL")
}

@test "one token serves many operations" {
	kek --serial --pause 10 unwrap "$KID" "$BLOB" 10
	is .plain_ok
	[ "$(requests imds)" = 1 ]
	[ "$(requests unwrapKey)" = 10 ]
}

@test "operations that begin together share one fetch" {
	ctl switch token-slow 300 >/dev/null
	kek unwrap "$KID" "$BLOB" 10
	is .plain_ok
	[ "$(requests imds)" = 1 ]
}

@test "a token is renewed at two thirds of its life, before it ends" {
	ctl switch token-lifetime 9 >/dev/null
	kek --serial --pause 700 unwrap "$KID" "$BLOB" 11
	is .plain_ok
	[ "$(requests imds)" = 2 ]
	absent '"answer":"un' "$BATS_TEST_TMPDIR/answers"
}

@test "a failed renewal leaves the old token in use until it ends" {
	ctl switch token-lifetime 6 >/dev/null
	(sleep 2 && ctl switch token-error 500 >/dev/null) 3>&- &
	later=$!
	kek --serial --pause 500 --deadline 1000 unwrap "$KID" "$BLOB" 15
	wait "$later"
	is '.answer == "unknown"' '.error | test("token")'
	# It was refused a new one, and the vault took the old one after that.
	tail -n +$((KV_MARK + 1)) "$KV_DIR/requests.log" | jq -es '
		map(select(.op == "imds" and .status == 500))[0].boottime_us as
		$refused | $refused != null and any(.op == "unwrapKey" and
			.status == 200 and .boottime_us > $refused)'
}

@test "a cached token that is refused is replaced once" {
	(sleep 1 && ctl switch claims 1 >/dev/null) 3>&- &
	later=$!
	kek --serial --pause 500 unwrap "$KID" "$BLOB" 10
	wait "$later"
	is .plain_ok
	absent unauthenticated "$BATS_TEST_TMPDIR/answers"
	[ "$(requests imds)" = 2 ]
	ctl switch claims on >/dev/null
	log_mark
	probe
	is '.answer == "unauthenticated"' '.http == 401' '.status == 5'
	[ "$(requests imds)" = 1 ]
}

@test "client secret: signs in, and the secret is read anew" {
	use_app
	kek roundtrip "$KEY"
	is .plain_ok ".appid == \"$APP_ID\""
	echo wrong >"$SECRET"
	probe
	is '.answer == "unauthenticated"' '.status == 5' '.http == null' \
		'.code == "token-invalid_client"'
	[ "$(requests token)" -le 3 ]
	chmod 640 "$SECRET"
	probe
	is '.answer == "unknown"' '.error == "credential"'
	rm "$SECRET"
	probe
	is '.answer == "unknown"' '.error == "credential"' \
		".text | test(\"$SECRET\")"
}

@test "client secret: a systemd credential" {
	use_app
	export CREDENTIALS_DIRECTORY=$BATS_TEST_TMPDIR
	probe --client-secret credential:secret
	is .plain_ok
	probe --client-secret credential:other
	is '.answer == "unknown"' '.error == "credential"'
}

@test "a source that is down or odd is unknown, one that refuses is not" {
	local error

	for error in 500 503 429 410 404; do
		ctl switch token-error $error >/dev/null
		probe
		is '.answer == "unknown"' '.http == null' '.status == 5'
	done
	ctl switch token-error invalid_request >/dev/null
	probe
	is '.answer == "unauthenticated"' '.http == null'
	ctl reset >/dev/null
	ctl switch token-slow 3000 >/dev/null
	probe --deadline 1000
	is '.answer == "unknown"' '.elapsed_ms < 2500'
	ctl reset >/dev/null
	probe
	is .plain_ok
}

@test "another identity is seen in the answer" {
	local oid

	oid=$(ctl --get identity.oid identity add other \
		--permissions unwrapKey 2>/dev/null ||
		ctl state | jq -r '.identities[] |
			select(.name == "other") .oid')
	ctl switch imds-identity other >/dev/null
	probe
	is .plain_ok ".oid == \"$oid\""
	kek wrap "$KEY"
	is '.answer == "denied-permission"' ".text | test(\"$oid\")"
}
