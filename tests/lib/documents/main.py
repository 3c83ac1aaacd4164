# SPDX-License-Identifier: GPL-2.0
"""Does what the documents say hold?  For the-documents-tell-no-lies.bats.

    main.py [--texts DIR] CHECK [ARGUMENT]

Looks in README.md, Documentation and packaging of DIR (default: this tree) for
what can be held against programs and sources of this tree.  Prints each lie as
FILE:LINE: TEXT and, last, how much was looked at.  Ends with 1 if there is a
lie or nothing to look at, and with 77 if something that it needs is not here.
"""

import argparse
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from documents import commands, form, protocols, settings    # noqa: E402
from documents.reading import TREE, Texts                    # noqa: E402

CHECKS = {
    'commands': commands.check_commands,
    'options': commands.check_options,
    'settings': settings.check_settings,
    'cmktab': settings.check_cmktab,
    'numbers': settings.check_numbers,
    'target': protocols.check_target,
    'protocols': protocols.check_protocols,
    'places': form.check_places,
    'form': form.check_form,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--texts', type=pathlib.Path, default=TREE)
    parser.add_argument('check', choices=CHECKS)
    parser.add_argument('argument', nargs='*')
    args = parser.parse_args()
    texts = Texts(args.texts.resolve())
    CHECKS[args.check](texts, *args.argument)
    for lie in texts.lies:
        print(lie)
    print(f'{texts.seen} looked at')
    return 1 if texts.lies or not texts.seen else 0


if __name__ == '__main__':
    sys.exit(main())
