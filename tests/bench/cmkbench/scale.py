# SPDX-License-Identifier: GPL-2.0
"""Scale mode: does an I/O cost more where there are many ranges or volumes?
Instructions, as in cost mode, of 4k at random offsets."""

from . import cost, session
from .cells import SCALES


def _row(load, target, value, ranges, volumes):
    return {'mode': 'scale', 'sector_size': load.sector_size, 'rw': load.rw,
            'bs': load.kib * 1024, 'qd': load.depth, 'engine': load.engine,
            'name': load.name, 'target': target, 'per_io': round(value),
            'live_ranges': ranges, 'volumes': volumes}


def measure(loads, args, note):
    """Rows of these loads."""
    lines = [f'{x.rw} {x.kib} {x.engine} {x.depth} {cost.rounds(x)} '
             f"{' '.join(SCALES)}" for x in loads]
    rows = []
    with session.booted(args.kernel, icount=True) as vm:
        for _, number, target, value, ranges, volumes in session.figures(
                vm, 'scale', lines):
            load = loads[int(number)]
            rows.append(_row(load, target, float(value), int(ranges),
                             int(volumes)))
            note(f'{load.name} {target} {value}')
    return sorted(rows, key=lambda row: row['name'])
