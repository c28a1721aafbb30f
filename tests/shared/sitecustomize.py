"""Python imports this by itself when `PYTHONPATH` has its folder: see `toy_size`."""

import os

if os.environ.get('MMWSSS_TOY_SIZE'):
    import toy_size

    toy_size.install()
