"""`mmwsss convert weights sipe` under the name that it has in tools/."""

import sys

from mmwsss.commands.main import main

if __name__ == '__main__':
    sys.exit(main(['convert', 'weights', 'sipe', *sys.argv[1:]]))
