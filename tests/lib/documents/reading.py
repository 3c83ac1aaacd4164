# SPDX-License-Identifier: GPL-2.0
"""The documents as lines, blocks and phrases, and what they are caught at."""

import collections
import os
import pathlib
import re
import subprocess

TREE = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get('CMK_BUILD', TREE / 'build'))

Line = collections.namedtuple('Line', 'number section head macro text block')


class Texts:
    """The documents below a folder, what they have been caught at, and how
    much was looked at."""

    def __init__(self, folder):
        self.folder, self.lies, self.seen = folder, [], 0

    def paths(self, *patterns):
        found = [p for g in patterns for p in sorted(self.folder.glob(g))]
        return [p for p in found if p.is_file()]

    def all(self):
        return self.paths('README.md', 'Documentation/**/*.rst',
                          'Documentation/man/*', 'packaging/*')

    def read(self, name):
        return (self.folder / name).read_text()

    def man(self, name):
        return list(roff(self.read(f'Documentation/man/{name}')))

    def want(self, true, path, number, text):
        """One thing that was looked at; `text` is what is wrong if it is."""
        self.seen += 1
        if not true:
            name = (self.folder / path).relative_to(self.folder)
            text = '; '.join(text.strip().splitlines())
            self.lies.append(f'{name}:{number}: {text}')

    def compare(self, path, what, have, need):
        """Two sets of names that must be one."""
        for extra in sorted(have - need):
            self.want(False, path, 0, f'{what}: there is no {extra}')
        for missing in sorted(need - have):
            self.want(False, path, 0, f'{what}: {missing} is not there')
        self.seen += len(need)


def run(*argv):
    """(status, output) of a program; it gets no input."""
    done = subprocess.run([str(a) for a in argv], cwd=TREE, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout


def source(name):
    return (TREE / name).read_text()


def plain(text):
    text = re.sub(r'\\f(\[[^]]*\]|\(..|.)', '', text)
    for escape, char in ((r'\-', '-'), (r'\(bu', '*'), (r'\&', ''),
                         (r'\e', '\\')):
        text = text.replace(escape, char)
    return text


def roff(text):
    """A man page as lines of text that know where they stand."""
    section = head = ''
    block = False
    text = re.sub(r'(?<!\\)\\\n', '', text)
    for number, raw in enumerate(text.splitlines(), 1):
        if raw.startswith('.\\"'):
            continue
        macro, words = '', [raw]
        if raw.startswith('.'):
            macro, _, rest = raw[1:].partition(' ')
            words = [a or b for a, b in re.findall(r'"([^"]*)"?|(\S+)', rest)]
        joined = ('' if len(macro) == 2 and set(macro) <= set('BIR')
                  else ' ').join(words)
        line = plain(joined)
        if macro == 'SH':
            section, head = line, ''
        elif macro in ('SS', 'SY'):
            head = line
        elif macro in ('EX', 'EE'):
            block = macro == 'EX'
        yield Line(number, section, head, macro, line, block)


def blocks(text):
    """(number, line) of the literal blocks of a reStructuredText."""
    base = None
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.expandtabs(8)
        indent = len(bare) - len(bare.lstrip())
        if base is not None and (not bare.strip() or indent > base):
            yield number, line.strip()
            continue
        base = indent if line.rstrip().endswith('::') else None


def joined(lines):
    """Lines that end with a backslash, together with the next."""
    kept, at = '', 0
    for number, line in lines:
        at = at or number
        if line.endswith('\\'):
            kept += line[:-1].rstrip() + ' '
            continue
        yield at, kept + line
        kept, at = '', 0


def literals(text, mark):
    for match in re.finditer(f'{mark}([^`]+){mark}', text):
        yield text.count('\n', 0, match.start()) + 1, \
            ' '.join(match[1].split())


def phrases(path):
    """(number, text, whole): where a document may show a command; `whole` if
    it is an example of its own and not a mention."""
    text = path.read_text()
    if path.parent.name == 'man':
        for line in roff(text):
            if line.section != 'NAME':
                yield line.number, line.text, line.block
    elif path.suffix == '.rst':
        yield from ((n, t, False) for n, t in literals(text, '``'))
        yield from ((n, t, True) for n, t in joined(blocks(text)))
    elif path.suffix == '.md':
        yield from ((n, t, False) for n, t in literals(text, '`'))
        for number, line in enumerate(text.splitlines(), 1):
            if line.startswith('    '):
                for piece in re.split(r'\s{2,}|[;,] ', line.strip()):
                    yield number, piece, False
    else:
        for number, line in enumerate(text.splitlines(), 1):
            for piece in re.findall(r'"([^"]+)"|^\w+=(/.*)', line):
                yield number, ''.join(piece), False
