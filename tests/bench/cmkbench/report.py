# SPDX-License-Identifier: GPL-2.0
"""Tables for people."""

import itertools

from .cells import CRYPT, SCALES, TARGETS


def groups(rows):
    """{load name: {target: row}}, in the order of measurement."""
    found = {}
    for row in rows:
        found.setdefault(row['name'], {})[row['target']] = row
    return found


def ratio(targets, key, best):
    """cmk by the best of dm-crypt's configurations, or None."""
    theirs = [targets[name][key] for name in CRYPT if name in targets]
    if 'cmk' not in targets or not theirs or best(theirs) <= 0:
        return None
    return targets['cmk'][key] / best(theirs)


def _words(value):
    return '-' if value is None else f'{value:.3f}'


def _cost(found):
    yield ('Instructions of an I/O, what is left of them after dm-linear and '
           'the bare cipher,')
    yield 'of cmk also by data unit, and cmk by the best of dm-crypt:'
    yield ''
    yield f"{'':38}" + ''.join(f'{name:>19}' for name in TARGETS) + \
        f"{'/unit':>7}{'ratio':>7}"
    for name, targets in found.items():
        cells = [f"{targets[t]['per_io']} {targets[t]['overhead']:>8}"
                 if t in targets else '-' for t in TARGETS]
        mine = targets.get('cmk')
        unit = round(mine['overhead'] * mine['sector_size'] / mine['bs']) \
            if mine else '-'
        yield (f'{name:38}' + ''.join(f'{c:>19}' for c in cells) +
               f"{unit:>7}{_words(ratio(targets, 'overhead', min)):>7}")


def _scale(found):
    yield 'Instructions of an I/O, and by those of a volume with one range:'
    yield ''
    yield f"{'':26}" + ''.join(f'{name:>20}' for name in SCALES)
    for name, targets in found.items():
        cells = []
        for target in SCALES:
            value = targets[target]['per_io']
            part = value / targets[SCALES[0]]['per_io']
            cells.append(f'{value} ({part:.4f})')
        yield f'{name:26}' + ''.join(f'{c:>20}' for c in cells)


def _versus(row, key, worst):
    """cmk by the best of dm-crypt, round by round: 'median (spread)'"""
    found = row.get(key) or {}
    if not found:
        return '-'
    value = worst(found.values(), key=lambda entry: entry['ratio'])
    return f"{_words(value['ratio'])} ({_words(value['spread'])})"


def _parallel(found):
    yield ('I/Os a second, and cmk by the best of dm-crypt, which is the '
           'median of the ratios of')
    yield ('the rounds (spread of the middle half); the same of the 99th '
           'percentile, in us:')
    yield ''
    yield f"{'':30}" + ''.join(f'{name:>14}' for name in TARGETS) + \
        f"{'ratio':>16}{'p99 crypt':>11}{'p99 cmk':>9}{'ratio':>16}"
    for name, targets in found.items():
        cells = [f"{targets[t]['iops']:.0f}" if t in targets else '-'
                 for t in TARGETS]
        p99 = min((targets[t]['p99_us'] for t in CRYPT if t in targets),
                  default=0)
        mine = targets.get('cmk', {})
        yield (f'{name:30}' + ''.join(f'{c:>14}' for c in cells) +
               f"{_versus(mine, 'by_iops', min):>16}"
               f"{p99:>11.0f}{mine.get('p99_us', 0):>9.0f}"
               f"{_versus(mine, 'by_p99', max):>16}")


def explained(row, targets):
    """The part of the distance to linear that the cipher explains."""
    distance = row['per_io'] - targets['linear']['per_io']
    return row['cipher'] / distance if distance > 0 else None


def _transactions(found):
    yield ('Instructions of a transaction, the median of the rounds (spread '
           'of the middle half),')
    yield ('blocks of 4 KiB that it reads and writes, the part of the '
           'distance to linear that the')
    yield ('bare cipher explains, and cmk by the best of dm-crypt, which is '
           'the median of the')
    yield 'ratios of the rounds:'
    yield ''
    for name, targets in found.items():
        yield (f"{name:30}{'instructions':>21}{'read':>9}{'written':>9}"
               f"{'cipher':>9}{'overhead':>10}{'explained':>11}")
        for target, row in targets.items():
            part = explained(row, targets)
            cell = f"{row['per_io']} ({_words(row.get('spread'))})"
            yield (f"  {target:28}{cell:>21}"
                   f"{row['blocks_read']:>9.2f}{row['blocks_written']:>9.2f}"
                   f"{row['cipher']:>9}{row['overhead']:>10}"
                   f"{_words(part):>11}")
        mine = targets.get('cmk', {})
        yield f"  {'cmk by the best':28}{_versus(mine, 'by_cost', max):>21}"


def _tps(found):
    yield ('Transactions a second (spread of the middle half), and cmk by the '
           'best of dm-crypt,')
    yield 'which is the median of the ratios of the rounds:'
    yield ''
    yield f"{'':30}" + ''.join(f'{name:>17}' for name in TARGETS) + \
        f"{'ratio':>16}"
    for name, targets in found.items():
        cells = [f"{targets[t]['tps']:.0f} ({_words(targets[t]['spread'])})"
                 if t in targets else '-' for t in TARGETS]
        yield (f'{name:30}' + ''.join(f'{c:>17}' for c in cells) +
               f"{_versus(targets.get('cmk', {}), 'by_tps', min):>16}")


def _database(found):
    parts = ((_transactions, 'per_io'), (_tps, 'tps'))
    for table, key in parts:
        part = {name: targets for name, targets in found.items()
                if key in next(iter(targets.values()))}
        if part:
            yield from table(part)


TABLES = {'cost': _cost, 'scale': _scale, 'parallel': _parallel,
          'database': _database}


def lines(rows):
    """The tables of all modes."""
    for mode, part in itertools.groupby(rows, key=lambda row: row['mode']):
        yield from TABLES[mode](groups(list(part)))
        yield ''
