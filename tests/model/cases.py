# SPDX-License-Identifier: GPL-2.0
"""The searches: which promise, in which world, how large, and what is broken.

Documentation/model.rst says what the words mean; settings.pml has their
defaults.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    words: tuple                # -D of spin
    long: bool = False          # too large for every day
    least: int = 1000           # fewer states are a model that stands still


# Where it is not intervals that matter
SMALL = ('CHECK_MIN=1', 'CHECK_MAX=2', 'CHECK=1', 'TTL=2', 'RENEWAL=1',
         'GRACE_MAX=5', 'CONFIRM_COUNT=1', 'DENY_HOLD=1', 'HOLD_TIMEOUT=1')
AGENT = ('CAN_CUT', 'CAN_LOSE_COMMANDS', 'CAN_CRASH', 'CAN_STOP')

WORLD = {
    'P1': ('P1', 'CAN_DENY', 'NO_GRACE', 'NO_LEASE', 'TTL=1', 'RENEWAL=1',
           'CHECK_MIN=2', 'CHECK_MAX=3', 'CHECK=2',
           'DENY_HOLD=1', 'HOLD_TIMEOUT=0', 'GRACE_MAX=1', *AGENT),
    'P2': ('P2', 'CAN_REBOOT', *AGENT, *SMALL),
    'P3': ('P3', 'CAN_SLEEP', 'CAN_STEP', 'NO_GRACE', *AGENT, *SMALL),
    'P4': ('P4', 'CAN_STEP', 'CHECK_MIN=1', 'CHECK_MAX=2', 'CHECK=1',
           'TTL=3', 'RENEWAL=1', 'GRACE_MAX=10', *AGENT),
    'P5': ('P5', 'CAN_DENY', 'CAN_ADMIN', 'CAN_REBOOT', 'NO_GRACE',
           'CAN_LOSE_COMMANDS', 'CAN_CRASH', *SMALL),
    # what lapses, and what is revoked
    'P6 lapse': ('P6', 'CAN_SLEEP', 'NO_GRACE', *AGENT, *SMALL),
    'P6 admin': ('P6', 'CAN_ADMIN', 'CAN_ADMIN_TWO', 'NO_GRACE', 'CAN_STOP',
                 'CAN_LOSE_COMMANDS', *SMALL),
}

# As it is by default: jitter, three denials
WIDE = {
    'P1 wide': ('P1', 'CAN_DENY', 'NO_GRACE', 'NO_LEASE', 'TTL=1',
                'RENEWAL=1', 'DENY_HOLD=2', 'HOLD_TIMEOUT=3', 'GRACE_MAX=1',
                'CONFIRM_COUNT=3', *AGENT),
    'P1 settling': (*WORLD['P1'], 'SETTLE=8', 'SETTLE_LAST=4'),
    'P5 wide': (*WORLD['P5'], 'CAN_STOP', 'CAN_CUT', 'CAN_SLEEP'),
    'P5 two': (*WORLD['P5'], 'CAN_ADMIN_TWO'),
    'P6 wide': (*WORLD['P6 admin'], 'CAN_DENY', 'CAN_CUT', 'CAN_CRASH',
                'CAN_SLEEP'),
}


def _broken(name, fault, **other):
    words = [w for w in WORLD[name] if w.split('=')[0] not in other]
    return Case(f'{name} {fault}', (*words, fault,
                                    *(f'{k}={v}' for k, v in other.items())))


HOLDS = [*(Case(name, words) for name, words in WORLD.items()),
         *(Case(name, words, long=True) for name, words in WIDE.items())]
FAILS = [
    _broken('P1', 'BREAK_LOST_CLOSE'),
    _broken('P1', 'BREAK_INTERVAL'),
    _broken('P1', 'BREAK_RESTORING'),
    _broken('P1', 'BREAK_HALF_OPEN'),
    _broken('P1', 'P1_BOUND=5'),
    _broken('P2', 'BREAK_RESTART'),
    _broken('P2', 'BREAK_NOT_AFTER'),
    _broken('P2', 'BREAK_PROOF_AGE'),
    _broken('P2', 'BREAK_OPEN_TERMS'),
    _broken('P3', 'BREAK_LEASE'),
    _broken('P3', 'BREAK_MONOTONIC'),
    _broken('P3', 'BREAK_WALL'),
    _broken('P4', 'BREAK_PROOF_WAITS'),
    _broken('P4', 'OUTAGE=6'),
    _broken('P5', 'BREAK_MARKER'),
    _broken('P5', 'BREAK_NO_MARKER'),
    _broken('P5', 'BREAK_STICKY'),
    _broken('P5', 'BREAK_ADMIN'),
    _broken('P5', 'BREAK_REVOKE_ONCE'),
    _broken('P5', 'BREAK_REVOKE_BLIND', CAN_ADMIN_TWO='1'),
    _broken('P5', 'BREAK_MARKER_REMOVED', CAN_ADMIN_TWO='1'),
    _broken('P5', 'BREAK_MARKER_DROPPED', CAN_ADMIN_TWO='1'),
    _broken('P6 lapse', 'BREAK_REVIVE'),
    _broken('P6 lapse', 'BREAK_KEYSET'),
    _broken('P6 admin', 'BREAK_TWO_RESTORES'),
    _broken('P6 admin', 'BREAK_CLOSING_ADMIN'),
    _broken('P6 admin', 'BREAK_CLOSING_SAME'),
    _broken('P6 admin', 'BREAK_CLOSING_LATE'),
]


def listed(what, long):
    return [c for c in {'holds': HOLDS, 'fails': FAILS}[what]
            if long or not c.long]


def find(what, name):
    for case in {'holds': HOLDS, 'fails': FAILS}[what]:
        if case.name == name:
            return case
    raise SystemExit(f'no search is called {name}')
