#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0
"""Searches the model of agent, kernel and vault with spin.

run.py holds NAME...    each search must be complete and find nothing wrong
run.py fails NAME...    each, with something broken, must find it
run.py list holds|fails [--long]

A search that was cut short, by depth, memory or time, is a failure: what it
has not seen it has not shown.  `cases` has the names.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import cases

HERE = pathlib.Path(__file__).resolve().parent
# Depth and megabytes that a search may use, and seconds.
DEPTH = 4_000_000
MEMORY = 3000
TIME = 3600

COMPILE = ['gcc', '-w', '-DSAFETY', '-DNOFAIR', '-DNOREDUCE',
           f'-DMEMLIM={MEMORY}', '-o', 'pan', 'pan.c']
CUT_SHORT = re.compile(r'not completed|max search depth too small|'
                       r'out of memory|aborted|interrupted', re.I)


class Trouble(Exception):
    """The search could not be made or was cut short."""


def command(words, folder):
    """The output of a program that must succeed."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True,
                          timeout=TIME, check=False)
    text = done.stdout + done.stderr
    if done.returncode or 'Error:' in text:
        raise Trouble(f'{words[0]}: {text.strip()[-2000:]}')
    return text


def number(pattern, text):
    match = re.search(pattern, text)
    if not match:
        raise Trouble(f'spin says nothing of {pattern}: {text[-2000:]}')
    return float(match[1])


def search(case, folder, depth):
    """What spin says of a case."""
    words = [f'-D{word}' for word in case.words]
    command(['spin', *words, '-a', str(HERE / 'cmk.pml')], folder)
    # Of a short search most of the time would be the compiler's.
    command([*COMPILE, '-O2' if case.long else '-O0'], folder)
    # -w: the size of the hash table
    return command(['./pan', f'-m{depth}', '-w25' if case.long else '-w20'],
                   folder)


def figures(text):
    return ('{:,.0f} states, depth {:,.0f}, {:.0f} MB, {:.1f} s'.format(
        number(r'([\d.e+]+) states, stored', text),
        number(r'depth reached (\d+)', text),
        number(r'([\d.]+)\s+total actual memory', text),
        number(r'elapsed time ([\d.e+]+)', text)))


def trail(case, folder):
    """The last steps of a search that found something."""
    words = [f'-D{word}' for word in case.words]
    done = subprocess.run(['spin', *words, '-k', 'cmk.pml.trail', '-t', '-p',
                           '-g', str(HERE / 'cmk.pml')], cwd=folder,
                          text=True, capture_output=True, timeout=TIME,
                          check=False)
    return done.stdout[-12000:]


def holds(case, folder, depth):
    text = search(case, folder, depth)
    errors = number(r'errors: (\d+)', text)
    if errors:
        raise Trouble(f'{text[:300]}\n{trail(case, folder)}')
    if CUT_SHORT.search(text):
        raise Trouble(f'not all was searched: {text[:2000]}')
    if number(r'([\d.e+]+) states, stored', text) < case.least:
        raise Trouble(f'less than {case.least} states: the model does not move')
    return f'complete, {figures(text)}'


def fails(case, folder, depth):
    text = search(case, folder, depth)
    if not number(r'errors: (\d+)', text):
        raise Trouble(f'nothing was found: {text[:2000]}')
    match = re.search(r'assertion violated (.*?) \(at depth (\d+)\)', text)
    if not match:
        raise Trouble(f'found, but not by a promise: {text[:2000]}')
    return f'{match[1]} at depth {match[2]}'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('what', choices=('holds', 'fails', 'list'))
    parser.add_argument('names', nargs='+')
    parser.add_argument('--long', action='store_true')
    parser.add_argument('--trail', action='store_true')
    parser.add_argument('--depth', type=int, default=DEPTH)
    args = parser.parse_args()

    if args.what == 'list':
        for case in cases.listed(args.names[0], args.long):
            print(case.name)
        return 0
    bad = 0
    for name in args.names:
        case = cases.find(args.what, name)
        with tempfile.TemporaryDirectory() as folder:
            try:
                how = {'holds': holds, 'fails': fails}[args.what]
                print(f'{name}: {how(case, folder, args.depth)}', flush=True)
                if args.trail and args.what == 'fails':
                    print(trail(case, folder))
            except Trouble as e:
                bad = 1
                print(f'{name}: WRONG: {e}', flush=True)
    return bad


if __name__ == '__main__':
    sys.exit(main())
