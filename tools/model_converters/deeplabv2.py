"""`mmwsss convert weights deeplabv2` under the name that it has in tools/."""

import sys

from mmwsss.commands.main import main

if __name__ == '__main__':
    sys.exit(main(['convert', 'weights', 'deeplabv2', *sys.argv[1:]]))
