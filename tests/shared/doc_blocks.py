"""The code blocks of the documents."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = ('bash', 'python')
ILLUSTRATIONS = ('text', 'csv', 'bibtex')
_FENCE = re.compile(
    r'^(?P<indent> *)```(?P<language>[^\s`]*)(?: title="(?P<title>[^"\n]+)")?\n'
    r'(?P<text>.*?)^(?P=indent)```$',
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: Path from the root of the repository.
        line: Of the fence, from 1 on.
        language: After the fence.
        title: Name of the file that the block shows; None for a script.
        text: Without fence and indentation.
    """

    page: str
    line: int
    language: str
    title: str | None
    text: str

    @property
    def key(self) -> tuple[str, str]:
        """Page and first line, for lists of blocks."""
        return self.page, self.text.partition('\n')[0].strip()

    def __str__(self) -> str:
        return f'{self.page}:{self.line}'


def pages() -> list[str]:
    """List the documents."""
    found = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').rglob('*.md'))]
    return [path.relative_to(ROOT).as_posix() for path in found if path.is_file()]


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a document, in order."""
    content = (ROOT / page).read_text(encoding='utf-8')
    return [
        Block(
            page,
            content[: match.start()].count('\n') + 1,
            match['language'],
            match['title'],
            textwrap.dedent(match['text']),
        )
        for match in _FENCE.finditer(content)
    ]


def named_epochs(*pages: str) -> list[int]:
    """Return the numbers of the checkpoints that some documents, or a config, name."""
    paths = [ROOT / page for page in pages] + list((ROOT / 'configs').rglob('*.py'))
    texts = [path.read_text(encoding='utf-8') for path in paths]
    return sorted({int(n) for text in texts for n in re.findall(r'epoch_(\d+)\.pth', text)})
