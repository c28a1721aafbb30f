"""What is done to a docstring before the reference shows it (`extensions` in mkdocs.yml)."""

import re
import sys
from pathlib import Path
from typing import Any

from griffe import Extension, Object

sys.path.insert(0, str(Path(__file__).parent))  # loaded by path, not as a package
from names import link_names

_LITERAL = re.compile(r'::$', re.MULTILINE)  # of reStructuredText: a block of code follows
_EXAMPLE = re.compile(r'^( *)Example:$', re.MULTILINE)


class DocstringLinks(Extension):
    """Shows examples as code, and links the names of the package."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Change the docstring of a module, class, function or attribute."""
        if obj.docstring is None:
            return
        head, *examples = _EXAMPLE.split(obj.docstring.value, maxsplit=1)
        # griffe knows the section as "Examples"; with another name it is no code
        tail = f'{examples[0]}Examples:{examples[1]}' if examples else ''
        obj.docstring.value = link_names(_LITERAL.sub(':', head)) + tail
