#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The service key: made on the first wrap and only then, for the owner's eyes
# only, never replaced; without it, or with another one, nothing is denied.
# It takes seconds to make, in which the event loop turns.
#
# cmk-timeout: 120

load kek

setup() {
	FILE=$BATS_TEST_TMPDIR/service.kek
	KEY=service
	KEK_SETTINGS=(--service "file:$FILE")
}

@test "made on the first wrap if asked for, mode 0600, and used again" {
	local before

	kek get service
	is '.answer == "unknown"'
	kek wrap service
	is '.answer == "unknown"' '.error == "service-kek-unreadable"'
	kek --create get service
	is '.answer == "unknown"'
	[ ! -e "$FILE" ]
	kek --create roundtrip service
	is .plain_ok '.bits == 3072' '.kid == "service:" + .thumbprint' \
		.enabled .purge_protected
	[ "$(stat -c %a:%U "$FILE")" = "600:$(id -un)" ]
	before=$(sha256sum "$FILE")
	kek --create roundtrip service
	is .plain_ok
	[ "$(sha256sum "$FILE")" = "$before" ]
	[ "$(find "$BATS_TEST_TMPDIR" -name 'service.kek*' | wc -l)" = 1 ]
}

@test "two that make it at once use one key" {
	local a b

	"$KEK_TOOL" "${KEK_SETTINGS[@]}" --create wrap service \
		>"$BATS_TEST_TMPDIR/a" 3>&- &
	a=$!
	"$KEK_TOOL" "${KEK_SETTINGS[@]}" --create wrap service \
		>"$BATS_TEST_TMPDIR/b" 3>&- &
	b=$!
	wait $a
	wait $b
	jq -es 'length == 2 and .[0].kid == .[1].kid' \
		"$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
	BLOB=$(jq -r .blob "$BATS_TEST_TMPDIR/a")
	KID=$(jq -r .kid "$BATS_TEST_TMPDIR/b")
	probe
	is .plain_ok
}

# lines FILTER: how many answers match
lines() {
	jq -c "select($1)" "$BATS_TEST_TMPDIR/answers" | wc -l
}

@test "the loop turns while a key is made, and the deadline stands still" {
	kek --create --stall 500 --deadline 20 roundtrip service
	is .plain_ok
	[ "$(lines .stall_ms)" = 0 ]
	[ "$(lines '.answer == "usable"')" = 2 ]
}

@test "who is cancelled while a key is made hears so at once" {
	kek --create --cancel 20 wrap service
	is '.error == "cancelled"' '.elapsed_ms < 600'
	# the program's end was the end of the thread, too
	[ "$(find "$BATS_TEST_TMPDIR" -name 'service.kek*' | wc -l)" = 0 ]
	kek --create --cancel 20 wrap service 3
	[ "$(lines '.error == "cancelled" and .elapsed_ms < 600')" = 1 ]
	[ "$(lines '.answer == "usable"')" = 2 ]
	[ "$(jq -r '.kid // empty' "$BATS_TEST_TMPDIR/answers" |
		sort -u | wc -l)" = 1 ]
	[ "$(find "$BATS_TEST_TMPDIR" -name 'service.kek*' | wc -l)" = 1 ]
}

@test "a key that cannot be kept is told to all that wait for it" {
	KEK_SETTINGS=(--service "file:$BATS_TEST_TMPDIR/none/service.kek")
	kek --create wrap service 2
	[ "$(lines '.error == "service-kek-unreadable"')" = 2 ]
}

@test "without its file, or with one that others can read: unknown" {
	kek --create wrap service
	kek_wrap
	chmod 640 "$FILE"
	probe
	is '.answer == "unknown"' ".text | test(\"$FILE\")"
	chmod 600 "$FILE"
	probe
	is .plain_ok
	mv "$FILE" "$FILE.away"
	probe --create
	is '.answer == "unknown"' '.status == 1' ".text | test(\"$FILE\")" \
		'.text | test("put the saved copy .* back, mode 0600")'
	[ ! -e "$FILE" ]
	echo garbage >"$FILE"
	chmod 600 "$FILE"
	probe
	is '.answer == "unknown"'
	mv "$FILE.away" "$FILE"
	probe
	is .plain_ok
}

@test "another key in the file is named beside the one that is needed" {
	local other

	kek --create wrap service
	kek_wrap
	rm "$FILE"
	kek --create wrap service
	is ".kid != \"$KID\""
	other=$(jq -r .kid "$BATS_TEST_TMPDIR/answer")
	probe
	is '.answer == "unknown"' '.error == "service-kek-other"' \
		".text | test(\"$KID\")" ".text | test(\"$other\")" \
		'.text | test("put the saved copy .* back, mode 0600")'
	kek wrap "$KID"
	is '.error == "service-kek-other"'
}

@test "a changed or foreign blob does not unwrap, and that is no denial" {
	kek --create wrap service
	kek_wrap
	BLOB=A${BLOB#?}
	probe
	is '.answer == "unknown"' '.plain_ok == null'
	BLOB=AAAA
	probe
	is '.answer == "unknown"' '.plain_ok == null'
}
