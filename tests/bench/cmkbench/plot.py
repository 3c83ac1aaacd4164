# SPDX-License-Identifier: GPL-2.0
"""The picture: what an I/O costs beyond dm-linear and the bare cipher.

Reads and writes of 4096-byte sectors at depth 1, by block size; the axis is
logarithmic, so that equal ratios are equal distances.
"""

import pathlib
import subprocess

from bed.paths import BedError

from . import report
from .cells import CRYPT

PANELS = (('randread', 'random read'), ('randwrite', 'random write'))
SERIES = ('dm-crypt, default', 'dm-crypt, best configuration',
          'cmk, its ratio to the best')
COLOURS = ('#b8bcc2', '#6b7280', '#0f766e')

HEAD = """\
set terminal svg size 900,420 font 'sans-serif,14' background '#ffffff'
set output '{file}'
set multiplot layout 1,2 margins 0.095,0.99,0.15,0.80 spacing 0.02,0
set style data histograms
set style histogram clustered gap 1
set style fill solid 1.0 noborder
set boxwidth 0.92
unset key
set border 1 linecolor '#404040'
set tics nomirror scale 0
set logscale y
set yrange [{low}:{high}]
set grid ytics linetype 1 linecolor '#e2e4e8'
set xlabel 'block size' offset 0,0.3
"""


def _words(kib):
    return f'{kib}k' if kib < 1024 else f'{kib // 1024}M'


def _panel(rows):
    """[(KiB, default, best, cmk)], by block size: overheads."""
    found = []
    for targets in report.groups(rows).values():
        if set(targets) >= {*CRYPT, 'cmk'}:
            cost = {name: row['overhead'] for name, row in targets.items()}
            found.append((targets['cmk']['bs'] // 1024, cost['crypt-default'],
                          min(cost[name] for name in CRYPT), cost['cmk']))
    return sorted(found)


def _shown(row):
    """Of a cost row: is it in the picture?"""
    return (row['mode'] == 'cost' and row['sector_size'] == 4096
            and row['qd'] == 1 and row['disk'] == 'ram'
            and row['init_on_alloc'])


def _block(name, panel):
    yield f'${name} << EOD'
    for kib, *costs in panel:
        # A logarithm has no place for nothing.
        words = ' '.join(str(max(cost, 1)) for cost in costs)
        yield f'"{_words(kib)}" {words} {costs[2] / costs[1]:.2f}'
    yield 'EOD'


def _key():
    """By hand: gnuplot's own is no wider than one panel."""
    for number, (left, series, colour) in enumerate(
            zip((0.095, 0.325, 0.665), SERIES, COLOURS), 1):
        yield (f'set object {number} rectangle from screen {left},0.929 '
               f"to screen {left + 0.022},0.963 fillcolor rgb '{colour}' "
               'fillstyle solid noborder')
        yield (f"set label {number} '{series}' at screen {left + 0.03},"
               '0.945 left')


def _draw(name, title, first):
    yield f"set title '{title}' offset 0,-0.4"
    if first:
        yield from _key()
        yield "set ylabel 'overhead of an I/O, instructions' offset 0.5,0"
        yield "set format y '%.0s%c'"
    else:
        yield "unset object; unset label"
        yield "unset ylabel; set format y ''"
    bars = [f"${name} using {column}{':xtic(1)' if column == 2 else ''} "
            f"title '{series}' linecolor rgb '{colour}'"
            for column, series, colour in zip((2, 3, 4), SERIES, COLOURS)]
    # A cluster is as wide as its bars and the gap: cmk's is the third of four.
    bars.append(f"${name} using ($0+0.25):4:(sprintf('%.2f', $5)) with labels "
                f"offset 0,0.6 font ',12' textcolor rgb '{COLOURS[2]}' "
                "notitle")
    yield 'plot ' + ', '.join(bars)


def script(rows, file):
    """What gnuplot is told, or None where no row is for the picture."""
    shown = [row for row in rows if _shown(row)]
    panels = [_panel([row for row in shown if row['rw'] == rw])
              for rw, _ in PANELS]
    if not all(panels):
        return None
    costs = [cost for panel in panels for _, *some in panel for cost in some]
    low = 10 ** (len(str(max(min(costs), 1))) - 1)
    lines = [HEAD.format(file=file, low=low, high=2.5 * max(costs))]
    for number, panel in enumerate(panels):
        lines += _block(f'panel{number}', panel)
    for number, (_, title) in enumerate(PANELS):
        lines += _draw(f'panel{number}', title, number == 0)
    return '\n'.join(lines) + '\n'


def _tidy(file):
    """As a file of this project has to be."""
    first, *lines = file.read_text(encoding='utf-8').splitlines()
    lines = [first, '<!-- SPDX-License-Identifier: GPL-2.0 -->', *lines]
    file.write_text(''.join(f'{line.rstrip()}\n' for line in lines),
                    encoding='utf-8')


def draw(rows, file):
    text = script(rows, file)
    if text is None:
        raise BedError('no rows for a plot: measure cost/4096/rand*/*/1')
    subprocess.run(['gnuplot', '-'], input=text, text=True, check=True)
    _tidy(pathlib.Path(file))
