"""`mmwsss convert weights mctformer` under the name that it has in tools/."""

import sys

from mmwsss.commands.main import main

if __name__ == '__main__':
    sys.exit(main(['convert', 'weights', 'mctformer', *sys.argv[1:]]))
