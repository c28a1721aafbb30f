"""`mmwsss reproduce` under the name that it has in tools/."""

import sys

from mmwsss.commands.main import main

if __name__ == '__main__':
    sys.exit(main(['reproduce', *sys.argv[1:]]))
