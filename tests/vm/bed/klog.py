# SPDX-License-Identifier: GPL-2.0
"""Judging a kernel log: what in it makes a run a failure."""

import re

# The kernel's own words for "this must not happen"
TROUBLE = re.compile('|'.join((
    r'\bBUG\b', r'\bWARNING:', r'\bOops\b', r'\bKASAN\b', r'\bUBSAN\b',
    r'\bKCSAN\b', r'\bKFENCE\b', r'Kernel panic', r'general protection fault',
    r'[Uu]nable to handle', r'Call Trace:', r'blocked for more than',
    r'detected stalls?\b', r'self-detected stall', r'soft lockup',
    r'hard LOCKUP', r'possible (circular|recursive|irq lock)',
    r'inconsistent lock state', r'suspicious RCU usage', r'held lock freed',
    r'lock held when returning', r'DEBUG_LOCKS_WARN_ON', r'bad unlock balance',
    r'sleeping function called', r'scheduling while atomic',
    r'refcount_t:', r'list_(add|del) corruption', r'double free',
    r'kmemleak: \d+ new suspected', r'segfault at', r'Out of memory:',
    r'workqueue: name exceeds')))
STAMP = re.compile(r'^\[\s*\d+\.\d+\](\[[^]]*\])?\s')
MARK = re.compile(r'cmk-bed: (begin|end) (\S+)')
# Devices are shut down and all CPUs but one are off.  Where the firmware leaves
# the machine on, a timer may still fire, and wakes a task of a CPU that is off:
# the kernel warns of that in set_task_cpu(), whatever modules it has.
DOWN = re.compile(STAMP.pattern + 'reboot: Power down$')
# ... until it boots again, which is told in the same log.
BOOT = re.compile(STAMP.pattern + 'Linux version ')


def trouble(lines, allow=()):
    """The lines that tell of trouble, but for those that a test expects."""
    allowed = [re.compile(pattern) for pattern in allow]
    return [line for line in lines
            if STAMP.match(line) and TROUBLE.search(line)
            and not any(pattern.search(line) for pattern in allowed)]


def sections(text):
    """Split a log by the marks of the tests: {name or None: lines}.  None is
    what belongs to no test: the start, the end, and what lies between.  What
    comes after the power is down, until the next boot, belongs to nobody."""
    parts = {None: []}
    name = None
    down = False
    for line in text.splitlines():
        line = line.rstrip('\r')
        down = down and not BOOT.match(line)
        if down:
            continue
        mark = MARK.search(line)
        if mark and mark[1] == 'begin':
            name = mark[2]
        parts.setdefault(name, []).append(line)
        down = bool(DOWN.match(line))
        if mark and mark[1] == 'end':
            name = None
    return parts
