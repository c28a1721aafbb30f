"""A notebook as a page: its text, its code, what it printed and the pictures that it drew."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def notebook_page(path: Path, pictures: str) -> tuple[str, dict[str, bytes]]:
    """Read a notebook.

    Args:
        path: The file.
        pictures: Folder of its pictures, as the page is to name them.

    Returns:
        The page in Markdown, and its pictures by name.
    """
    found: dict[str, bytes] = {}
    parts: list[str] = []
    for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
        source = ''.join(cell['source'])
        if cell['cell_type'] == 'markdown':
            parts.append(source)
            continue
        parts.append(f'```python\n{source}\n```')
        for output in cell['outputs']:
            parts += _text_of(output)
            for picture in _pictures_of(output):
                name = f'{pictures}/{len(found)}.jpg'
                found[name] = picture
                parts.append(f'![what the cell above shows]({name})')
    return '\n\n'.join(parts) + '\n', found


def _text_of(output: dict[str, Any]) -> list[str]:
    text = ''.join(output.get('text', '')).strip('\n')
    return [f'```text\n{text}\n```'] if text else []


def _pictures_of(output: dict[str, Any]) -> Iterator[bytes]:
    if encoded := output.get('data', {}).get('image/jpeg'):
        yield base64.b64decode(''.join(encoded))
