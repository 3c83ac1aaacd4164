# SPDX-License-Identifier: GPL-2.0
"""Settings and tables of volumes, against the programs that read them."""

import re
import tempfile

from .reading import BUILD, plain, run, source

UNITS = {'': 1, 'us': 1e-6, 'ms': 1e-3, 's': 1, 'min': 60, 'h': 3600,
         'd': 86400, 'day': 86400}


def seconds(text):
    match = re.fullmatch(r'([\d.]+) ?([a-z]*)', text.strip())
    return float(match[1]) * UNITS[match[2]]


def settings(texts):
    """{(section, key): (line, default, bounds)} of cmkd.conf(5)."""
    found, key = {}, None
    for line in texts.man('cmkd.conf.5'):
        section = re.match(r'SECTION (\[\w+\])', line.section)
        if not section:
            continue
        if line.macro == 'B' and line.text.endswith('='):
            key = (section[1], line.text[:-1])
            found[key] = [line.number, None, None]
        elif key and line.text.startswith('Default: '):
            default = line.text[9:].rstrip('.')
            found[key][1] = '' if default == 'empty' else default
        elif key and re.fullmatch(r'\d+\w* to \d+\w*\.', line.text):
            found[key][2] = line.text.rstrip('.').split(' to ')
        elif key and re.match(r'Up to \d', line.text):
            most = re.split(r'[.;]', line.text[6:])[0]
            found[key][2] = ['0%' if '%' in most else '0', most]
    return found


def initializers(text):
    """{member: expression} of a struct's initializer in C."""
    found, where = {}, []
    for name, value, end in re.findall(r'\.(\w+) = (\{|.*?)(?:,\n|\n)|(\})',
                                       text):
        if end:
            del where[-1:]
        elif value == '{':
            where.append(name)
        else:
            found['.'.join([*where, name])] = value
    return found


def code_defaults():
    """{key: default} of agent/config.c, spans in seconds."""
    text = source('agent/config.c')
    values = initializers(re.search(r'defaults = \{\n(.*?)^\};', text,
                                    re.M | re.S)[1])
    words = dict(re.findall(r'#define\s+(CMK_\w+)\s+"(.*)"',
                            source('agent/config.h')))
    spans = {'MSEC': 1e-3, 'SEC': 1, 'MIN': 60, 'HOUR': 3600, 'DAY': 86400}
    found = {}
    for key, kind, member, more in re.findall(
            r'\{ "\w+", "(\w+)", KEY_(\w+),\s*AT\(([\w.]+)\)(.*?)\},?\n',
            text, re.S):
        value = values.get(member, '0')
        if kind == 'SPAN':
            number, _, unit = value.rpartition(' * ')
            found[key] = int(number or 1) * spans.get(unit, 0)
        elif kind == 'WORDS':
            found[key] = re.findall(r'"([\w-]+)"', more)[
                value in ('true', 'CMK_POL_REVOKE_NOW')]
        else:
            found[key] = words.get(value, value.strip('"'))
    return found


def check_defaults(texts, page, known):
    code = code_defaults()
    for (_, key), (number, default, _) in known.items():
        said = default and default.rstrip('%')
        if said and isinstance(code.get(key), (int, float)):
            said = seconds(said)
        texts.want(said == code.get(key), page, number,
                   f'{key}={default}: the default is {code.get(key)}')


def taken(pairs):
    """Does cmkd take this configuration?  (yes, what it says)"""
    with tempfile.NamedTemporaryFile('w', suffix='.conf') as file:
        for section, key, value in pairs:
            file.write(f'{section}\n{key}={value}\n')
        file.flush()
        status, output = run(BUILD / 'bin/cmkd', '--check-config', '--config',
                             file.name)
    return status == 0, output.strip()


def beyond(bound, by):
    """A value a little outside of a bound."""
    match = re.fullmatch(r'(\d+) ?([a-z%]*)', bound)
    if match[2] in ('', '%'):
        return f'{int(match[1]) + by}{match[2]}'
    return f'{int(seconds(bound) * 1000) + by}ms'


def check_settings(texts):
    """cmkd.conf(5), its example and each mention of a setting."""
    page = 'Documentation/man/cmkd.conf.5'
    known = settings(texts)
    code = re.findall(r'\{ "(\w+)", "(\w+)", KEY_', source('agent/config.c'))
    texts.compare(page, 'keys', {k for _, k in known}, {k for _, k in code})
    check_defaults(texts, page, known)
    check_bounds(texts, page, known)
    check_example(texts, known)
    check_mentions(texts, {k: s for s, k in known})


def check_bounds(texts, page, known):
    """Each setting that is a number says from where to where it is taken."""
    numbers = re.findall(r'"(\w+)", KEY_(?:SPAN|PERCENT|UINT)',
                         source('agent/config.c'))
    # The longest lease needs a long grace, the shortest grace a short lease.
    long = [('[Policy]', 'CheckInterval', '1h'),
            ('[Policy]', 'OfflineGrace', '30d')]
    short = [('[Policy]', 'CheckInterval', '5s'),
             ('[Policy]', 'LeaseTTL', '15s'),
             ('[Azure]', 'RequestTimeout', '1s')]
    for (section, key), (number, _, bounds) in known.items():
        texts.want(bounds or key not in numbers, page, number,
                   f'{key} has no bounds')
        others = short if key == 'OfflineGrace' else long
        for bound, by in zip(bounds or (), (-1, 1)):
            yes, said = taken([*others, (section, key, bound)])
            texts.want(yes, page, number, said)
            out = beyond(bound, by)
            texts.want(not taken([*others, (section, key, out)])[0], page,
                       number, f'{key}={out} is taken')


def check_example(texts, known):
    path, section, pairs = 'packaging/cmkd.conf.example', '', {}
    for number, line in enumerate(texts.read(path).splitlines(), 1):
        match = re.fullmatch(r'#(\w+)=(.*)', line)
        if line.startswith('['):
            section = line
        elif match:
            pairs[section, match[1]] = match[2]
            default = known.get((section, match[1]), [0, None])[1]
            texts.want(default == match[2], path, number,
                       f'{line[1:]}: the default in cmkd.conf(5) is {default}')
    texts.compare(path, 'keys', {k for _, k in pairs}, {k for _, k in known})
    yes, said = taken([(*k, v) for k, v in pairs.items()])
    texts.want(yes, path, 0, said)


def check_mentions(texts, sections):
    """KEY=VALUE in running text; systemd's own keys are not ours."""
    others = {'LoadCredential', 'ReadWritePaths', 'SocketGroup'}
    more = [('[Azure]', 'TenantId', 't'), ('[Azure]', 'ClientId', 'c')]
    for path in texts.paths('README.md', 'Documentation/**/*.rst',
                            'Documentation/man/*'):
        text = plain(path.read_text())
        for match in re.finditer(r'\b([A-Z][a-z]\w*)=([\w%:/-]*)', text):
            key, value = match[1], match[2].rstrip('.:')
            number = text.count('\n', 0, match.start()) + 1
            if key in others:
                continue
            texts.want(key in sections, path, number, f'no setting {key}=')
            if key in sections and value:
                yes, said = taken([('[Policy]', 'OfflineGrace', '30d'), *more,
                                   (sections[key], key, value)])
                texts.want(yes, path, number, said)


def check_cmktab(texts, reader):
    """cmktab(5) and its example, by the parser that cmkctl has."""
    page = 'Documentation/man/cmktab.5'
    lines = texts.man('cmktab.5')
    example = [x.text for x in lines if x.block and x.section == 'EXAMPLE' and
               x.macro != 'EX']
    names = re.sub(r'^#(?=\w)', '', texts.read('packaging/cmktab.example'),
                   flags=re.M).splitlines()
    for path, tab in ((page, example), ('packaging/cmktab.example', names)):
        tab = [x for x in tab if x and not x.startswith('#')]
        with tempfile.NamedTemporaryFile('w') as file:
            file.write('\n'.join(tab) + '\n')
            file.flush()
            _, output = run(reader, file.name)
        texts.want(output.splitlines()[-1:] == [str(len(tab))] and tab, path,
                   0, output)
        texts.want('unknown option' not in output, path, 0, output)
    have = {m[1] for x, before in zip(lines[1:], lines)
            if x.section == 'OPTIONS' and before.macro == 'TP'
            for m in re.finditer(r'(?:^|, )([a-z_][a-z_.-]*)', x.text)}
    need = set(re.findall(r'\bOPT\("([^"]+)"', source('agent/cmktab.c')))
    texts.compare(page, 'OPTIONS', have, need | {'prefetch'})


def check_numbers(texts):
    """The times that README.md and policy.rst promise, from the defaults."""
    value = {k: v[1] for (_, k), v in settings(texts).items()}
    most = seconds(value['CheckInterval']) * \
        (1 + int(value['CheckJitter'].rstrip('%')) / 100)
    count = int(value['ConfirmCount'])
    spacing = (count - 1) * seconds(value['ConfirmSpacing'])
    asking = count * seconds(value['RequestTimeout'])
    total = f'{most + spacing + asking:.0f} s'
    readme = ' '.join(texts.read('README.md').split())
    for said in (f"the vault's no, within {total};",
                 f"the agent killed, {value['LeaseTTL'].replace('m', ' m')};",
                 f"the network cut, {value['OfflineGrace'][:-1]} h "):
        texts.want(said in readme, 'README.md', 0, f'not "{said}"')
    said = f'{most:.0f} + {spacing:.0f} + {asking:.0f} = {total}'
    texts.want(said in texts.read('Documentation/policy.rst'),
               'Documentation/policy.rst', 0, f'not "{said}"')
