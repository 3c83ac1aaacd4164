#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# What README, manuals and Documentation say of commands, options, settings,
# files, table lines, messages and times is what the programs and sources do.
# Each check is also given a document with a lie in it, and finds it.
#
# cmk-timeout: 120

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
export CMK_BUILD=${CMK_BUILD:-$ROOT/build}
MAN=Documentation/man
TARGET=Documentation/admin-guide/dm-cmk.rst

setup() {
	cd "$ROOT"
	TEXTS=$BATS_TEST_TMPDIR/texts
	CAUGHT=()
	rm -rf "$TEXTS"
	mkdir "$TEXTS"
	cp -r README.md Documentation packaging "$TEXTS"
}

check() { /usr/bin/python3 -B tests/lib/documents/main.py "$@"; }

# truth LEAST CHECK [ARGUMENT]: no lie among at least so many things
truth() {
	run check "${@:2}"
	[ "$status" != 77 ] || skip "$output"
	echo "$output"
	[ "$status" = 0 ]
	[ "${lines[-1]% looked at}" -ge "$1" ]
}

# lie FILE SCRIPT TEXT: the copy of FILE is changed by SCRIPT for sed; what is
# to be said about it has TEXT
lie() {
	cp "$TEXTS/$1" "$BATS_TEST_TMPDIR/before"
	sed -i "$2" "$TEXTS/$1"
	run cmp "$BATS_TEST_TMPDIR/before" "$TEXTS/$1"
	[ "$status" = 1 ]
	CAUGHT+=("^$1:[0-9]*: .*$3")
}

# all_caught CHECK [ARGUMENT]: each lie is found
all_caught() {
	local pattern

	run check --texts "$TEXTS" "$@"
	echo "$output"
	[ "$status" = 1 ]
	for pattern in "${CAUGHT[@]}"; do
		echo "looking for $pattern"
		grep -q -- "$pattern" <<<"$output"
	done
}

@test "command lines: each command and option exists, each example parses" {
	truth 55 commands
	lie README.md 's/--list/--liszt/' "no option --liszt"
	lie $TARGET 's/^\tcmkctl close/\tcmkctl shut/' "no command shut"
	lie $TARGET 's/cmkctl status pgdata/cmkctl status --watch=0 pgdata/' \
		"--watch"
	lie $MAN/cmkctl.8 's/reason "drill/raison "drill/' \
		"no option --raison"
	lie $MAN/cmkctl.8 's/^\.B format /.B open /' "no option --force"
	lie packaging/cmk@.service 's/--wait=auto/--weight=auto/' \
		"no option --weight"
	lie Documentation/architecture.rst 's/make check-fast/make check-slow/' \
		"no goal check-slow"
	all_caught commands
}

@test "options: the manuals have those of --help, all and no others" {
	truth 100 options
	lie $MAN/cmkctl.8 '/^\.OP .*dry.*run/d' "--dry-run is not there"
	lie $MAN/cmkctl.8 's/^\.B .*ensure$/.B \\-\\-insure/' \
		"no option --insure"
	lie $MAN/cmkctl.8 '/^\.B .*read.*only/,/^\.TP/d' \
		"{'--read-only'} is not described"
	lie $MAN/cmkctl.8 's/^\.BI .*timeout " SEC"/.BI \\-\\-time " SEC"/' \
		"no option --time"
	lie $MAN/cmkd.8 's/^\.B .*check.*config$/.B \\-\\-try\\-config/' \
		"there is no --try-config"
	all_caught options
}

@test "settings: keys, defaults and bounds of cmkd.conf(5) are cmkd's" {
	truth 200 settings
	lie $MAN/cmkd.conf.5 's/^Default: .*60s/Default: \\fB61s/' \
		"the default is 60"
	lie $MAN/cmkd.conf.5 's/^5s to 1h/5s to 2h/' "give 5s to 1h"
	lie $MAN/cmkd.conf.5 's/^1 to 64/1 to 63/' "MaxConcurrent=64 is taken"
	lie $MAN/cmkd.conf.5 's/^Up to 1d; 0: at/Up to 2d; 0: at/' \
		"DenyHold=2d: give"
	lie $MAN/cmkd.conf.5 '/^1 to 100/d' "HeaderBackups has no bounds"
	lie $MAN/cmkd.conf.5 's/^\.B Proxy=/.B Poxy=/' "there is no Poxy"
	lie packaging/cmkd.conf.example 's/^#KeyTimeout=30s/#KeyTimeout=31s/' \
		"KeyTimeout=31s"
	lie Documentation/policy.rst 's/OnReturn=auto/OnReturn=later/' \
		"give manual or auto"
	lie Documentation/policy.rst 's/CheckInterval=5s/CheckInterwal=5s/' \
		"no setting CheckInterwal"
	all_caught settings
}

@test "cmktab: the examples are read as meant, the options are the parser's" {
	local read=$BATS_TEST_TMPDIR/read-cmktab

	make -s BUILD="$CMK_BUILD" "$CMK_BUILD/obj/tests/e2e/read-cmktab.o"
	"${CC:-gcc}" -o "$read" "$CMK_BUILD/obj/tests/e2e/read-cmktab.o" \
		"$CMK_BUILD/obj/libcmk.a"
	truth 15 cmktab "$read"
	lie $MAN/cmktab.5 's/service  discard/service  discart/' \
		"unknown option 'discart'"
	lie packaging/cmktab.example 's/^#pgdata .*/#pgdata UUID=1/' \
		"give name, device"
	lie $MAN/cmktab.5 's/^\.B noauto/.B nomanual/' "there is no nomanual"
	all_caught cmktab "$read"
}

@test "the times that are promised follow from the defaults" {
	truth 4 numbers
	lie README.md 's/97 s/96 s/' "97 s"
	lie README.md 's/killed, 5 min/killed, 6 min/' "5 min"
	lie Documentation/policy.rst 's/15 = 97 s/16 = 98 s/' "15 = 97"
	all_caught numbers
}

@test "the target: table lines, options and status words are the module's" {
	truth 30 target
	lie $TARGET 's/0 3 no_key:fail/0 4 no_key:fail/' "number of words"
	lie $TARGET 's/hold_timeout:600 /hold_timout:600 /' \
		"no option hold_timout"
	lie $TARGET 's/The default is 30\./The default is 40./' \
		"key_timeout: not"
	lie $TARGET 's/^no_lease$/no_release/' "no_lease is not there"
	lie $TARGET 's/gate cause sticky/gate sticky cause/' "has the words"
	lie $TARGET 's/kek-expired/kek-outdated/' "kek-expired is not"
	all_caught target
	setup
	lie $TARGET 's/<range sectors> <iv/<iv/' "has not 4 fixed"
	all_caught target
}

@test "protocols: commands, rights, events, errors and methods are the code's" {
	truth 30 protocols
	lie $TARGET 's/^key-drop       both /key-drop       agent/' \
		"key-drop is for both"
	lie $TARGET '/^range-get /d' "range-get is not there"
	lie $TARGET 's/^unbound$/released/' "there is no released"
	lie $TARGET 's/^ENOENT  /EISDIR  /' "no EISDIR"
	lie Documentation/control-protocol.rst 's/^Probe$/Sound/' \
		"Probe is not there"
	lie $MAN/cmkd.8 's/^\.BR bind /.BR bound /' "there is no bound"
	lie $MAN/cmkd.8 's/^CMK_SEQ=/CMK_UUID=/' "CMK_SEQ is not there"
	all_caught protocols
}

@test "files, tests, units, manuals and identifiers that are named exist" {
	truth 120 places
	lie Documentation/architecture.rst 's,kernel/slot.h,kernel/slots.h,' \
		"there is no kernel/slots.h"
	lie Documentation/threat-model.rst 's/-key-is-refused/-key-is-used/' \
		"a-wrong-key-is-used.bats"
	lie Documentation/policy.rst 's/cmk_pol_step/cmk_pol_stop/' \
		"no cmk_pol_stop"
	lie $MAN/cmkd.8 's/^\.BR cmkctl (8)/.BR cmkctrl (8)/' \
		"no man page cmkctrl"
	lie $MAN/cmkd.8 's/cmkd\.service/cmkdd.service/' "no unit cmkdd"
	all_caught places
}

@test "docutils reads every reStructuredText without a warning" {
	truth 6 form
	lie Documentation/architecture.rst 's/^Three facts$/Three facts more/' \
		"underline too short"
	lie Documentation/policy.rst 's/^silence       /silence     x /' \
		"Malformed table"
	all_caught form
}
