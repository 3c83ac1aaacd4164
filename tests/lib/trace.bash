# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests that must show where in the kernel something was done: `load
# ../lib/trace` after `load ../lib/guest`.  The kernel's own probe events are
# recorded between trace_begin and trace_end; then TRACE has a line for each:
#
#	EVENT where=task|queue|softirq|hardirq cpu=N pid=N NAME=VALUE...
#
# where "queue" is a task of a workqueue.

TRACEFS=/sys/kernel/tracing
TRACE=/tmp/trace
# Kilobytes for each CPU
TRACE_SIZE=16384

# trace_begin PROBE...: each as kprobe_events(Documentation/trace/kprobetrace)
# wants it, with the group "cmk"
trace_begin() {
	trace_clear
	echo $TRACE_SIZE >$TRACEFS/buffer_size_kb
	# One count for all CPUs: nothing seems to come before its cause.
	echo counter >$TRACEFS/trace_clock
	printf '%s\n' "$@" >$TRACEFS/kprobe_events
	echo 1 >$TRACEFS/events/cmk/enable
	echo 1 >$TRACEFS/tracing_on
}

# trace_crypto [PROBE...]: where each bio's crypto is done, and how much it is
# in one go
trace_crypto() {
	trace_begin "$@" \
		"p:cmk/init dm_cmk:cmk_crypt_init at=\$arg1:x64 to=\$arg3:x64" \
		"p:cmk/crypt dm_cmk:cmk_crypt_section at=\$arg1:x64 \
size=+8(\$arg4):u32"
}

# What trace_end has found, as lines "read|write where=... cpu=N bytes=N", one
# for each bio or piece of one
trace_cryptos() {
	awk '
		{
			for (i = 2; i <= NF; i++) {
				split($i, part, "=")
				value[part[1]] = part[2]
			}
			at = value["at"]
		}
		$1 == "init" {
			verb[at] = value["to"] ~ /^0x0*$/ ? "read" : "write"
		}
		$1 == "crypt" && at in verb {
			print verb[at], $2, $3, "bytes=" value["size"]
			delete verb[at]
		}' $TRACE
}

# trace_count REGEX [FILE]: lines that match
trace_count() { grep -cE "$1" "${2:-$TRACE}" || true; }

trace_lost() {
	cat $TRACEFS/per_cpu/cpu*/stats | awk -F : '
		/^overrun|^dropped/ {lost += $2} END {print lost + 0}'
}

# A line of the kernel's is TASK-PID [CPU] FLAGS COUNT: EVENT: (PLACE) VALUES;
# the third of the flags is the context.
trace_lines() {
	awk '
		match($0, / \[[0-9]+\] [^ ][^ ][^ ][^ ][^ ] /) {
			task = substr($0, 1, RSTART)
			at = substr($0, RSTART + 1, RLENGTH - 2)
			event = values = substr($0, RSTART + RLENGTH)
			context = substr(at, length(at) - 2, 1)
			where = index("hHzZ", context) ? "hardirq" : \
				context == "s" ? "softirq" : \
				task ~ /^ *kworker/ ? "queue" : "task"
			gsub(/^.*-| /, "", task)
			sub(/^ *[0-9.]+: /, "", event)
			sub(/:.*/, "", event)
			sub(/^[^(]*\([^)]*\) ?/, "", values)
			print event, "where=" where, "cpu=" substr(at, 2) + 0,
				"pid=" task, values
		}' $TRACEFS/trace
}

# All of it is in TRACE, or this fails.
trace_end() {
	echo 0 >$TRACEFS/tracing_on
	trace_lines >$TRACE
	[ "$(trace_lost)" = 0 ]
	trace_clear
	[ -s $TRACE ]
}

trace_clear() {
	echo 0 >$TRACEFS/tracing_on
	[ ! -e $TRACEFS/events/cmk ] || echo 0 >$TRACEFS/events/cmk/enable
	echo >$TRACEFS/kprobe_events
	echo >$TRACEFS/trace
}

# Whether all bounce pages are from the reserve.  A page from elsewhere is given
# back to where it came from, as the reserve is full when the last write ends.
# (No probe of returns: the stack could not be walked past it, on which
# cmk-fail depends.)
trace_reserve() {
	trace_begin 'p:cmk/page dm_cmk:cmk_page_alloc' \
		'p:cmk/back dm_cmk:cmk_page_free'
}

# reserve_alone N: it was, and was asked N times at least
reserve_alone() {
	[ "$(trace_count ^page)" -ge "$1" ]
	[ "$(trace_count ^back)" = 0 ]
}

# trace_pages [PROBE...]: each bounce page that the module takes, and all that
# are given back
trace_pages() {
	trace_begin "$@" \
		'r:cmk/page dm_cmk:cmk_page_alloc page=$retval:x64' \
		'p:cmk/free __free_pages page=$arg1:x64'
}

# To be told to trace_begin or trace_pages beside the probe "free": then
# trace_exit_pages tells how many pages the end of the module gave back
TRACE_EXIT=('p:cmk/exit dm_cmk:cmk_pages_exit'
	'r:cmk/exited dm_cmk:cmk_pages_exit')

trace_exit_pages() {
	awk '
		$1 == "exit" {pid = $4}
		$1 == "exited" {pid = ""}
		$1 == "free" && $4 == pid {n++}
		END {print n + 0}' $TRACE
}

# How many of them it still has
trace_pages_left() {
	awk '
		{
			page = ""
			for (i = 2; i <= NF; i++)
				if ($i ~ /^page=/)
					page = $i
		}
		$1 == "page" && page !~ /=0x0*$/ {has[page]}
		$1 == "free" {delete has[page]}
		END {
			for (page in has)
				n++
			print n + 0
		}' $TRACE
}
