# SPDX-License-Identifier: GPL-2.0
"""The target, the netlink family and the agent's methods, against sources."""

import re

import yaml

from .reading import TREE, blocks, joined, source

DM_CMK = 'Documentation/admin-guide/dm-cmk.rst'


def macro(name):
    found = re.search(rf'#define\s+{name}\s+(\d+)', source('kernel/args.c'))
    return found[1] if found else None


def table_lines(text):
    """(number, words after "cmk") of the examples of tables."""
    for number, line in joined(blocks(text)):
        line = re.sub(r'\$\([^)]*\)', '8', line)
        match = re.search(r'\b\d+ \d+ cmk ([^"\']*)', line)
        if match:
            yield number, match[1].split()


def check_target(texts):
    """Table lines, options and status of dm-cmk.rst against the module."""
    text = texts.read(DM_CMK)
    args = source('kernel/args.c')
    known = dict.fromkeys(re.findall(r'\{ "(\w+:?)", cmk_args_', args))
    form = ' '.join(t for _, t in blocks(text.split('\n\n<volume')[0]))
    fixed = len(re.findall(r'<[^#>]+>', form.split('[')[0]))
    texts.want(f'argc < {fixed})' in args, DM_CMK, 0,
               f'the table line has not {fixed} fixed words')
    for number, words in table_lines(text):
        extra = words[fixed:]
        texts.want(len(words) == fixed or
                   extra[0] == str(len(extra) - 1), DM_CMK, number,
                   f'{words}: wrong number of words')
        texts.want(re.fullmatch(r'[0-9a-f-]{36}|\$UUID', words[0]), DM_CMK,
                   number, f'{words[0]} is no uuid')
        for word in extra[1:]:
            texts.want(re.sub(':.*', ':', word) in known, DM_CMK, number,
                       f'no option {word}')
    described = set(re.findall(r'^(?:[\w:]+, )?(\w+:)[<\w]', text, re.M)) | \
        set(re.findall(r'^(\w+)\n    ', text, re.M)) & set(known)
    texts.compare(DM_CMK, 'options', described, set(known))
    for option, most, default in (
            ('key_timeout', 'CMK_TIMEOUT_MAX', 'CMK_TIMEOUT_DEFAULT'),
            ('hold_timeout', 'CMK_HOLD_MAX', 'CMK_HOLD_DEFAULT')):
        said = re.search(rf'^{option}:.*\n((?:    .*\n)*)', text, re.M)[1]
        texts.want(f'0 to {macro(most)}' in said and
                   f'default is {macro(default)}' in said, DM_CMK, 0,
                   f'{option}: not 0 to {macro(most)}, {macro(default)}')
    check_status(texts, text)


def check_status(texts, text):
    target = source('kernel/target.c')
    shown = ''.join(re.search(rf'unsigned int {name}\(.*?^}}', target,
                              re.M | re.S)[0]
                    for name in ('cmk_status_info', 'cmk_status_rekey'))
    order = re.findall(r'(\w+)=%', shown)
    said = re.search(r'in this order::\n\n((?:\t.*\n)+)', text)[1].split()
    texts.want(said == order, DM_CMK, 0, f'status has the words {order}')
    said = re.search(r'^=+  =+\ngate  .*?\n=+  =+$', text, re.M | re.S)[0]
    texts.want(re.findall(r'^([a-z_]+)  ', said, re.M) == order, DM_CMK, 0,
               'the table of status words')
    words = re.findall(r'\[CMK_(?:GATE|CAUSE)_\w+\] = "([\w-]+)"', shown)
    for word in words:
        texts.want(re.search(rf'\b{word}\b', text), DM_CMK, 0,
                   f'{word} is not there')


def check_rights(texts, table, code):
    """Who may, by which function each command asks."""
    asked = {'cmk_nl_permit_agent': 'agent', 'cmk_nl_permit': 'both',
             'netlink_capable': 'admin'}
    for name, who in re.findall(r'^([\w-]+) +(agent|admin|both) ', table, re.M):
        function = name.replace('-', '_')
        body = re.search(rf'^int cmk_nl_{function}_(?:doit|dumpit)\(.*?^}}',
                         code, re.M | re.S)[0]
        if 'cmk_nl_close(' in body:
            body = re.search(r'^static int cmk_nl_close\(.*?^}', code,
                             re.M | re.S)[0]
        if 'cmk_nl_rekey_volume(' in body:
            body = re.search(r'cmk_nl_rekey_volume\(struct.*?^}', code,
                             re.M | re.S)[0]
        permits = re.search(rf'\b({"|".join(asked)})\(', body)
        texts.want(asked[permits[1]] == who, DM_CMK, 0,
                   f'{name} is for {asked[permits[1]]}')


def check_protocols(texts):
    """Commands, events and errors of the family; methods of the agent."""
    spec = yaml.safe_load(source('Documentation/netlink/specs/cmk.yaml'))
    listed = spec['operations']['list']
    text = texts.read(DM_CMK)
    table = re.search(r'^command  .*?\n=+ .*?\n(.*?)^=', text, re.M | re.S)[1]
    texts.compare(DM_CMK, 'commands',
                  set(re.findall(r'^[\w-]+', table, re.M)),
                  {o['name'] for o in listed if 'event' not in o})
    events = re.search(r'^Events\n=+\n(.*?)\n=+\n', text, re.M | re.S)[1]
    texts.compare(DM_CMK, 'events',
                  set(re.findall(r'^([\w-]+)\n    ', events, re.M)),
                  {o['name'] for o in listed if 'event' in o})
    check_audit(texts)
    code = ''.join(p.read_text() for p in sorted(
        (TREE / 'kernel').glob('[nlv]*.c')))
    check_rights(texts, table, code)
    for name in re.findall(r'^(E[A-Z]+)  ', text, re.M):
        texts.want(f'-{name}' in code, DM_CMK, 0, f'no {name} in the kernel')
    check_methods(texts)


def check_audit(texts):
    """Events and fields of cmkd(8) and cmkctl(8) are those of the journal."""
    code = source('agent/audit.c')
    page = 'Documentation/man/cmkd.8'
    lines = [x for x in texts.man('cmkd.8') if x.section == 'AUDIT TRAIL']
    said = ' '.join(x.text for before, x in zip(lines, lines[1:])
                    if before.macro == 'TP')
    own = ' '.join(x.text for x in texts.man('cmkctl.8')
                   if x.section == 'AUDIT TRAIL')
    others = set(re.findall(r'CMK_EVENT=(.*?) CMK', own)[0].split(' | '))
    events = set(re.findall(r'\{ "([a-z-]+)",\s+"', code))
    texts.compare(page, 'events', set(re.findall(r'[a-z-]+', said)) | others,
                  events)
    text = ' '.join(x.text for x in lines)
    for word in re.findall(r'\] = "([a-z-]+)"', code):
        texts.want(re.search(rf'[ (]{word}[ ,.)]', text), page, 0,
                   f'the result {word} is not there')
    texts.compare(page, 'fields', set(re.findall(r'CMK_\w+', text + own)),
                  set(re.findall(r'"(CMK_\w+)"', code)))


def check_methods(texts):
    """Those of the agent, then those of the helper."""
    path = 'Documentation/control-protocol.rst'
    parts = texts.read(path).split('\nThe helper\n')
    for part, known in zip(parts, (
            re.findall(r'^\t\{ "(\w+)", ', source('agent/methods.c'), re.M),
            re.findall(r'\bstrcmp\(name, "(\w+)"\)',
                       source('tools/cmd-helper.c')))):
        texts.compare(path, 'methods', set(re.findall(
            r'^([A-Z]\w+)\n\t', part, re.M)), set(known))
