"""Builds the package; what it is and needs stands in pyproject.toml.

A wheel takes the configs and the tools along as ``mmwsss/.mim``, where openmim and `mmwsss.shipped`
look for them. They are copied while it is built; in the checkout there is one of each, and an
editable installation uses that.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
SHIPPED = ('configs', 'tools', 'model-index.yml')
# of a checkout alone
LEFT_OUT = ('__pycache__', 'build_docs.sh', 'environment.sh', 'quickstart.sh', 'run_*tests.sh')


class BuildWithShipped(build_py):
    """Building the package with what it ships beside its code."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if not self.editable_mode:
            copy_shipped(Path(self.build_lib) / 'mmwsss' / '.mim')


def copy_shipped(target: Path) -> None:
    """Copy configs, tools and the model index into an empty folder."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
        else:
            shutil.copy2(ROOT / name, target / name)


setup(cmdclass={'build_py': BuildWithShipped})
