# SPDX-License-Identifier: GPL-2.0
"""tests/bench/run: choose, measure, tell."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[2] / 'vm')]

from bed import paths                                       # noqa: E402
from cmkbench import (cells, cost, database, parallel, plot,   # noqa: E402
                      report, scale)

MODES_HELP = """\
modes, the first word of a load's name:
  cost      instructions of an I/O, and its overhead: what dm-linear and the
            bare cipher do not cost; on a ram disk, or on the disk that the
            name ends with: null1, null2 (null_blk that completes by softirq,
            by timer) or virtio
  scale     the same through one range, 65,536 ranges, one of 64 volumes
  parallel  I/Os a second and 99th percentile on two CPUs, by the clock
  database  pgbench: instructions of a transaction and what it reads and
            writes; with /wall, transactions a second
"""


def parse():
    parser = argparse.ArgumentParser(
        prog='tests/bench/run', description='Measure what an I/O costs '
        'through dm-linear, dm-crypt in three configurations, and cmk.',
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=MODES_HELP)
    parser.add_argument('cases', nargs='*', metavar='CASE',
                        help='a load, as in cost/4096/randread/4k/1, or the '
                        'beginning of its name; shell patterns are allowed')
    parser.add_argument('--kernel', choices=paths.KERNELS, default='6.12')
    parser.add_argument('--quick', action='store_true',
                        help='4k and 8k in cost mode, under 5 minutes')
    parser.add_argument('--rounds', type=int, default=15,
                        help='runs of each load that is taken by the clock')
    parser.add_argument('--json', type=pathlib.Path, metavar='FILE')
    parser.add_argument('--from', type=pathlib.Path, metavar='FILE',
                        dest='source', help='take the rows of an earlier '
                        '--json instead of measuring')
    parser.add_argument('--plot', type=pathlib.Path, metavar='FILE',
                        help='draw cost/4096/rand*/*/1 as SVG')
    parser.add_argument('--list', action='store_true',
                        help='name the loads and do nothing')
    return parser.parse_args()


def build(kernel):
    subprocess.run(['make', '-s', 'programs', 'test-tools'], check=True,
                   stdout=sys.stderr)
    subprocess.run(['make', '-s', 'module', f'KVER={paths.release(kernel)}'],
                   check=True, stdout=sys.stderr)


MODES = {'cost': cost, 'scale': scale, 'parallel': parallel,
         'database': database}


def measured(loads, args):
    """Rows of these loads, measured now."""
    begin = time.monotonic()

    def note(text):
        print(f'{time.monotonic() - begin:6.0f} s  {text}', file=sys.stderr)

    build(args.kernel)
    rows = []
    for mode, part_of in MODES.items():
        part = [load for load in loads if load.mode == mode]
        if part:
            rows += part_of.measure(part, args, note)
    for row in rows:
        row['kernel'] = paths.release(args.kernel).partition('+')[0]
    return rows


def read(file, patterns):
    """Rows that were measured before, those of the loads that are asked
    for."""
    try:
        rows = json.loads(file.read_text(encoding='ascii'))['rows']
        return [row for row in rows if cells.named(row['name'], patterns)]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise paths.BedError(f'{file}: {problem}') from problem


def main():
    args = parse()
    loads = cells.chosen(cells.quick() if args.quick else cells.everything(),
                         args.cases)
    if args.list:
        print('\n'.join(load.name for load in loads))
        return 0
    if args.source:
        rows = read(args.source, args.cases)
    else:
        rows = measured(loads, args) if loads else []
    if not rows:
        raise paths.BedError('no load has such a name')
    if args.json:
        args.json.write_text(json.dumps({'rows': rows}, indent=1) + '\n',
                             encoding='ascii')
    print('\n'.join(report.lines(rows)))
    if args.plot:
        plot.draw(rows, args.plot)
    return 0


if __name__ == '__main__':
    os.chdir(paths.TREE)
    try:
        sys.exit(main())
    except (paths.BedError, subprocess.CalledProcessError) as problem:
        sys.exit(f'tests/bench/run: {problem}')
    except KeyboardInterrupt:
        sys.exit(130)
