# SPDX-License-Identifier: GPL-2.0
"""Commands and options, against the help and the parser of the programs."""

import functools
import re
import shlex
import sys

from .reading import BUILD, TREE, phrases, run, source

COMMAND = re.compile(r'(?:[#$] )?(?:/usr/sbin/)?(cmkctl|cmkd|kvemu|tests/run|'
                     r'tools/demo|tools/deps|make)(?![\w.(@:-])(.*)')
UNLISTED = ['helper', 'udev']
HELP = {'cmkd': ['cmkd'], 'cmkctl': ['cmkctl'], 'kvemu': ['kvemu'],
        'tests/run': [sys.executable, TREE / 'tests/lib/runner/main.py'],
        'tools/demo': [TREE / 'tools/demo'],
        'tools/deps': [TREE / 'tools/deps']}


@functools.lru_cache(None)
def helptext(program, command=''):
    argv = list(HELP[program])
    if (BUILD / 'bin' / program).exists():
        argv[0] = BUILD / 'bin' / program
    return run(*argv, *([command] if command else []), '--help')[1]


@functools.lru_cache(None)
def options(program, command=''):
    """{option: its value's name} as the program's own help has them."""
    found = {}
    for name, value in re.findall(r'(?<![\w-])(--?[A-Za-z][a-z-]*)'
                                  r'(\[=[A-Z]+\]|[ =](?:[A-Z][A-Z:]*\b|'
                                  r'hk\|direct|6\.1\|6\.12))?',
                                  helptext(program, command)):
        found[name] = found.get(name) or value
    return found


@functools.lru_cache(None)
def commands():
    """Of cmkctl; the last two are for units and rules and not in its
    overview."""
    return re.findall(r'^  ([a-z][a-z-]*) ', helptext('cmkctl'),
                      re.M) + UNLISTED


def make_goals():
    text = ''.join(source(p) for p in ('Makefile', 'tests/build.mk',
                                       'tools/build.mk'))
    return set(re.findall(r'^([a-z-]+):', text, re.M))


def objection(program, rest):
    """What is wrong with a command line, or nothing."""
    rest = re.split(r'\s(?:[|&<>]|\d?>)', rest)[0]
    try:
        words = shlex.split(rest, comments=True)
    except ValueError:
        words = rest.split()
    words = [w.rstrip(',;') for w in words]
    if program == 'make':
        bad = [w for w in words if '=' not in w and w not in make_goals()]
        return f'make has no goal {bad[0]}' if bad else ''
    command, known, words = '', options(program), iter(words)
    for word in words:
        name, given, _ = word.partition('=')
        if word.startswith('-') and word != '-':
            if name not in known:
                return f'{program} {command} has no option {name}'
            value = known[name]
            if given and not value:
                return f'{name} takes no value'
            if value and not given and value[0] != '[' and \
                    next(words, None) is None:
                return f'{name} needs a value'
        elif program == 'cmkctl' and not command and not word.isupper():
            command = word.rstrip('.')
            if command not in commands():
                return f'cmkctl has no command {command}'
            known = options(program, command)
    return ''


def check_commands(texts):
    """Command lines: the program takes each word that looks like its own."""
    for path in texts.all():
        for number, text, whole in phrases(path):
            match = COMMAND.match(text)
            if not match and path.name == 'cmkctl.8' and ' --' in text \
                    and text.split()[0] in commands():
                match = COMMAND.match('cmkctl ' + text)
            if match:
                wrong = objection(match[1], match[2])
                texts.want(not wrong, path, number, f'{text}: {wrong}')
                if whole and not wrong and match[1] == 'cmkctl':
                    check_parses(texts, path, number, match[2])


def check_parses(texts, path, number, rest):
    """A whole example goes through the program's own parser, which stops at
    --help; twice, or an option that lacks its value would take it."""
    words = shlex.split(rest, comments=True)
    if '--' in words or any(w.isupper() for w in words):
        return
    status, output = run(BUILD / 'bin/cmkctl', *words, '--help', '--help')
    texts.want(status == 0, path, number, f'cmkctl{rest}: {output.strip()}')


def named(lines):
    return {o for line in lines for o in re.findall(r'--[a-z-]+', line.text)}


def long_options(program, command=''):
    return {o for o in options(program, command) if o.startswith('--')}


def check_options(texts):
    """Man pages have the options of --help, all of them and no others."""
    page = 'Documentation/man/cmkctl.8'
    lines = texts.man('cmkctl.8')
    common = long_options('cmkctl')
    texts.compare(page, 'GLOBAL OPTIONS', named(
        x for x in lines if x.section == 'GLOBAL OPTIONS' and
        x.macro.startswith('B')) - {'--force'}, common)
    for command in commands()[:-len(UNLISTED)]:
        own = long_options('cmkctl', command) - common
        synopsis = [x for x in lines
                    if f'{x.head} '.startswith(f'cmkctl {command} ')]
        texts.want(synopsis, page, 0, f'SYNOPSIS has no {command}')
        texts.compare(page, f'SYNOPSIS of {command}', named(synopsis), own)
        text = [x for x in lines if x.section == 'COMMANDS' and
                x.head == command]
        like = [x.text.rstrip(' ,') for x, before in zip(text[2:], text[1:])
                if before.text == 'Like']
        text += [x for x in lines if like and x.head == like[0]]
        missing = own - named(text)
        texts.want(text and not missing, page, text[0].number if text else 0,
                   f'{command}: {missing} is not described')
    every = common.union(*(long_options('cmkctl', c) for c in commands()))
    for line in lines:
        for name in named([line]):
            texts.want(name in every, page, line.number, f'no option {name}')
    texts.compare('Documentation/man/cmkd.8', 'OPTIONS', named(
        x for x in texts.man('cmkd.8') if x.section == 'OPTIONS'),
        long_options('cmkd'))
