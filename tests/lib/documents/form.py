# SPDX-License-Identifier: GPL-2.0
"""Files and names that must exist, and text that must be well-formed."""

import re
import sys

from .reading import TREE, plain


def check_places(texts):
    """Files of the tree, man pages, units and identifiers of the code."""
    place = re.compile(r'(?<![\w/.~-])((?:agent|kernel|tools|tests|include|'
                       r'packaging|Documentation|\.ci)/[\w.*/@-]*'
                       r'|[\w-]+\.bats)')
    for path in texts.all():
        text = plain(path.read_text())
        for number, line in enumerate(text.splitlines(), 1):
            for name in place.findall(line):
                name = name.rstrip('.-')
                pattern = name if '/' in name else f'tests/*/{name}'
                texts.want(any(TREE.glob(pattern.rstrip('/'))), path, number,
                           f'there is no {name}')
            for name, part in re.findall(r'\b(cmk[\w.-]*) ?\((\d)\)', line):
                texts.want((TREE / f'Documentation/man/{name}.{part}').exists(),
                           path, number, f'no man page {name}({part})')
            for name in re.findall(r'\b(cmk\w*@?)[\w\\-]*\.service\b', line):
                texts.want((TREE / f'packaging/{name}.service').exists(),
                           path, number, f'no unit {name}.service')
    check_names(texts)


def check_names(texts):
    code = set()
    for folder in ('kernel', 'agent', 'tools', 'include', 'tests'):
        for path in (TREE / folder).rglob('*.[ch]'):
            code.update(re.findall(r'\w+', path.read_text()))
    for path in texts.paths('README.md', 'Documentation/**/*.rst',
                            'Documentation/man/*'):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for name in re.findall(r'\b(?:cmk|CMK)_\w+', line):
                texts.want(name in code, path, number, f'no {name} in the code')


def check_form(texts):
    """reStructuredText that docutils reads without a warning."""
    # pylint: disable=import-outside-toplevel
    try:
        import docutils.core
    except ImportError:
        print('no docutils')
        sys.exit(77)
    for path in texts.paths('Documentation/**/*.rst'):
        tree = docutils.core.publish_doctree(
            path.read_text(), source_path=str(path),
            settings_overrides={'report_level': 2, 'warning_stream': False})
        bad = tree.findall(lambda n: n.tagname == 'system_message')
        bad = [m for m in bad if m['level'] >= 2]
        texts.want(not bad, path, bad[0].get('line', 0) if bad else 0,
                   bad[0].astext().splitlines()[0] if bad else '')
