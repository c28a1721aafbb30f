"""`mmwsss train` under the name that it has in tools/."""

import sys

from mmwsss.commands.main import main

if __name__ == '__main__':
    sys.exit(main(['train', *sys.argv[1:]]))
