# SPDX-License-Identifier: GPL-2.0
"""Database mode: pgbench on PostgreSQL on each target.

With one client, the instructions of a transaction, and the blocks that it
reads and writes: what the cipher needs for these is the part that no target
can save.  The same transactions cost more or less by what the server and the
file system have to tidy up meanwhile, so the targets take turns, and medians
count.  With several clients, transactions a second, as in parallel mode.
"""

import statistics

from . import cost, session
from .cells import TARGETS
from .parallel import spread, versus

BLOCK = 4096
TRANSACTIONS = {'select-only': 2000, 'tpcb-like': 500}
COST_ROUNDS = 9
SECONDS = 5
MEMORY = '4G'


def _line(load, rounds, number):
    return f"{load.rw} {load.depth} {rounds} {number} {' '.join(TARGETS)}"


def _base(load, target):
    return {'mode': 'database', 'sector_size': load.sector_size,
            'rw': load.rw, 'clients': load.depth, 'name': load.name,
            'target': target}


def middle(runs):
    """The median of each figure of some runs."""
    return [statistics.median(column) for column in zip(*runs)]


def cost_row(load, target, figures, floor, calls):
    """floor: what it costs on linear."""
    value, *sectors = figures
    read, written = (number * 512 / BLOCK for number in sectors)
    cipher = 0
    if target != 'linear':
        cipher = round(read * calls[f'decrypt_{BLOCK}'] +
                       written * calls[f'encrypt_{BLOCK}'])
    return {**_base(load, target), 'per_io': round(value),
            'blocks_read': round(read, 2),
            'blocks_written': round(written, 2), 'cipher': cipher,
            'overhead': round(value - floor - cipher)}


def wall_rows(load, got):
    """got: {target: [transactions a second, ...]}, in the order of rounds"""
    for target, runs in got.items():
        row = {**_base(load, target), 'runs': len(runs),
               'tps': round(statistics.median(runs), 1),
               'spread': spread(runs)}
        if target == 'cmk':
            row['by_tps'] = versus(got)
        yield row


def cost_rows(load, got, calls):
    """got: {target: [(instructions, read, written), ...]}, by rounds"""
    floor = middle(got['linear'])[0]
    for target, runs in got.items():
        row = cost_row(load, target, middle(runs), floor, calls)
        values = [run[0] for run in runs]
        row.update(runs=len(runs), spread=spread(values))
        if target == 'cmk':
            row['by_cost'] = versus({name: [run[0] for run in theirs]
                                     for name, theirs in got.items()})
        yield row


def _gather(vm, loads, lines, note):
    """For each load {target: [figures, ...]}, in the order of rounds"""
    got = [{} for _ in loads]
    for _, number, target, *figures in session.figures(vm, 'database', lines):
        got[int(number)].setdefault(target, []).append(
            [float(figure) for figure in figures])
        note(f"{loads[int(number)].name} {target} {' '.join(figures)}")
    return got


def _counted(loads, kernel, note):
    lines = [_line(load, COST_ROUNDS, TRANSACTIONS[load.rw])
             for load in loads]
    with session.booted(kernel, icount=True, memory=MEMORY) as vm:
        calls, _ = cost.cipher(vm, session.cipher_module(kernel))
        got = _gather(vm, loads, lines, note)
    return [row for load, runs in zip(loads, got)
            for row in cost_rows(load, runs, calls)]


def _timed(loads, kernel, rounds, note):
    lines = [_line(load, rounds, SECONDS) for load in loads]
    with session.booted(kernel, memory=MEMORY) as vm:
        got = _gather(vm, loads, lines, note)
    return [row for load, runs in zip(loads, got)
            for row in wall_rows(load, {target: [run[0] for run in theirs]
                                        for target, theirs in runs.items()})]


def measure(loads, args, note):
    """Rows of these loads."""
    rows = []
    counted = [load for load in loads if not load.wall]
    if counted:
        rows += _counted(counted, args.kernel, note)
    timed = [load for load in loads if load.wall]
    if timed:
        rows += _timed(timed, args.kernel, args.rounds, note)
    return rows
