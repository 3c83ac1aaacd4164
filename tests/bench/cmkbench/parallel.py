# SPDX-License-Identifier: GPL-2.0
"""Parallel mode: two CPUs by the wall clock.  The targets take turns, and only
the ratios of one run mean something."""

import statistics

from . import session
from .cells import TARGETS


def spread(values):
    """Half of the values lie in it, as a fraction of the median."""
    if len(values) < 4:
        return None
    low, middle, high = statistics.quantiles(values, n=4)
    return round((high - low) / middle, 3) if middle else None


def _row(load, target, runs):
    iops = [run[0] for run in runs]
    return {'mode': 'parallel', 'sector_size': load.sector_size,
            'rw': load.rw, 'bs': load.kib * 1024, 'qd': load.depth,
            'engine': load.engine, 'disk': load.disk, 'name': load.name,
            'target': target, 'runs': len(runs),
            'iops': round(statistics.median(iops), 1),
            'spread': spread(iops),
            'p99_us': round(statistics.median(run[1] for run in runs), 1)}


def measure(loads, args, note):
    lines = [f'{args.rounds} {x.sector_size} {x.rw} {x.kib} {x.engine} '
             f"{x.depth} {' '.join(TARGETS)}" for x in loads]
    got = {}
    with session.booted(args.kernel) as vm:
        for _, number, target, iops, p99 in session.figures(vm, 'parallel',
                                                            lines):
            key = int(number), target
            got.setdefault(key, []).append((float(iops), float(p99)))
            note(f'{loads[key[0]].name} {target} {iops}')
    return [_row(loads[number], target, runs)
            for (number, target), runs in got.items()]
