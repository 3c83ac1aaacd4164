# SPDX-License-Identifier: GPL-2.0
"""Parallel mode: two CPUs by the wall clock.  The targets take turns, and only
the ratios of runs that were neighbours mean something: what the host does
besides may halve the speed of all of them for minutes."""

import statistics

from . import session
from .cells import CRYPT, TARGETS


def spread(values):
    """Half of the values lie in it, as a fraction of the median."""
    if len(values) < 4:
        return None
    low, middle, high = statistics.quantiles(values, n=4)
    return round((high - low) / middle, 3) if middle else None


def by_round(mine, theirs):
    """Median and spread of the ratios of the rounds; lists in their order."""
    ratios = [a / b for a, b in zip(mine, theirs) if b]
    if not ratios:
        return None
    return {'ratio': round(statistics.median(ratios), 3),
            'spread': spread(ratios)}


def versus(runs):
    """cmk by each configuration of dm-crypt; runs: {target: [value, ...]}"""
    if 'cmk' not in runs:
        return {}
    found = {name: by_round(runs['cmk'], runs[name])
             for name in CRYPT if name in runs}
    return {name: value for name, value in found.items() if value}


def _row(load, target, runs):
    iops = [run[0] for run in runs]
    return {'mode': 'parallel', 'sector_size': load.sector_size,
            'rw': load.rw, 'bs': load.kib * 1024, 'qd': load.depth,
            'engine': load.engine, 'disk': load.disk, 'name': load.name,
            'target': target, 'runs': len(runs),
            'iops': round(statistics.median(iops), 1),
            'spread': spread(iops),
            'p99_us': round(statistics.median(run[1] for run in runs), 1)}


def _rows(load, got):
    """got: {target: [(iops, p99), ...]}, in the order of the rounds"""
    for target, runs in got.items():
        row = _row(load, target, runs)
        if target == 'cmk':
            for column, key in enumerate(('by_iops', 'by_p99')):
                row[key] = versus({name: [run[column] for run in theirs]
                                   for name, theirs in got.items()})
        yield row


def measure(loads, args, note):
    lines = [f'{args.rounds} {x.sector_size} {x.rw} {x.kib} {x.engine} {x.depth} '
             f"{' '.join(TARGETS)}" for x in loads]
    got = [{} for _ in loads]
    with session.booted(args.kernel) as vm:
        for _, number, target, iops, p99 in session.figures(vm, 'parallel',
                                                            lines):
            runs = got[int(number)].setdefault(target, [])
            runs.append((float(iops), float(p99)))
            note(f'{loads[int(number)].name} {target} {iops} {p99}')
    return [row for load, runs in zip(loads, got) for row in _rows(load, runs)]
