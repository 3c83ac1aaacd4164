# SPDX-License-Identifier: GPL-2.0
#
# For tests of the KEK providers against kvemu.
#
#   kek_setup            kvemu with the key "pg"; sets KEY, its URI
#   kek ARGUMENT...      kek-tool with kvemu's settings; keeps its last line
#                        in $BATS_TEST_TMPDIR/answer and never fails
#   kek_wrap             wraps under KEY; sets KID and BLOB
#   probe [OPTION...]    unwraps BLOB with KID
#   is FILTER...         each jq filter holds for the last answer, else tells

load kvemu/kvemu

KEK_TOOL=${CMK_BUILD:-$KV_ROOT/build}/test/kek-tool
KEK_SETTINGS=()
KEK_PREFIX=()

kek_setup() {
	kvemu_start "$@"
	ctl key create pg >/dev/null
	KEY=$KV_URL/keys/pg
	KEK_SETTINGS=(--imds "$KV_IMDS" --ca "$KV_DIR/ca.pem")
}

kek() {
	"${KEK_PREFIX[@]}" "$KEK_TOOL" "${KEK_SETTINGS[@]}" "$@" >"$BATS_TEST_TMPDIR/answers" ||
		true
	tail -n 1 "$BATS_TEST_TMPDIR/answers" >"$BATS_TEST_TMPDIR/answer"
}

kek_wrap() {
	kek wrap "$KEY"
	is '.answer == "usable"'
	KID=$(jq -r .kid "$BATS_TEST_TMPDIR/answer")
	BLOB=$(jq -r .blob "$BATS_TEST_TMPDIR/answer")
}

probe() {
	kek "$@" unwrap "$KID" "$BLOB"
}

is() {
	local filter

	for filter; do
		# jq -e alone is content with no input at all
		jq -es "length == 1 and (.[0] | $filter)" \
			"$BATS_TEST_TMPDIR/answer" >/dev/null || {
			echo "not $filter in: $(<"$BATS_TEST_TMPDIR/answer")"
			return 1
		}
	done
}

# absent PATTERN FILE: bats does not look at what "!" makes of a status
absent() {
	if grep -qie "$1" "$2"; then
		echo "'$1' is in: $(<"$2")"
		return 1
	fi
}

# put FILE PLACE: FILE lies over PLACE for kek-tool and nobody else
put() {
	[ "$(id -u)" = 0 ] || skip "needs root for a mount of its own"
	KEK_PREFIX=(unshare -m sh -c 'mount --bind "$0" "$1" && shift &&
		exec "$@"' "$1" "$2")
}

# requests OP: how many the vault has answered since log_mark
log_mark() {
	KV_MARK=$(wc -l <"$KV_DIR/requests.log")
}

requests() {
	tail -n +$((KV_MARK + 1)) "$KV_DIR/requests.log" |
		jq -r .op | grep -cx "$1" || true
}
