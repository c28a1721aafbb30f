"""`python -m mmwsss` is the command `mmwsss`."""

from mmwsss.commands.main import main

if __name__ == '__main__':
    raise SystemExit(main())
