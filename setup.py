"""Installation of mmwsss; versions live in requirements.txt and requirements/."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def read_requirements(name: str) -> list[str]:
    """Return the requirements of one file, without comments."""
    lines = (ROOT / name).read_text(encoding='utf-8').splitlines()
    return [line.split('#')[0].strip() for line in lines if line.split('#')[0].strip()]


def read_version() -> str:
    """Return the version that the package states."""
    text = (ROOT / 'mmwsss' / '__init__.py').read_text(encoding='utf-8')
    return re.search(r"__version__ = '(.+)'", text).group(1)


# mmseg and mmcv are asked for by import (compat.py), not here by name: the maintained forks and
# the compiled mmcv install under other names.
FORKED = ('mmcv', 'mmengine', 'mmsegmentation', 'mmpretrain')
EXTRAS = {
    path.stem: read_requirements(f'requirements/{path.name}')
    for path in sorted((ROOT / 'requirements').glob('*.txt'))
}

setup(
    name='mmwsss',
    version=read_version(),
    description='Weakly supervised semantic segmentation on mmsegmentation',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.11',
    packages=find_packages(include=['mmwsss', 'mmwsss.*']),
    package_data={'mmwsss': ['models/prompts/*.txt']},
    install_requires=[
        # no pins, so that a user's own build of torch stays; requirements.txt has the tried ones
        re.sub(r'==.*', '', line)
        for line in read_requirements('requirements.txt')
        if not line.startswith(FORKED)
    ],
    extras_require=EXTRAS,
)
