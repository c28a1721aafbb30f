"""The page of the commands names them all, as they are."""

import re
from pathlib import Path

import pytest

from mmwsss.commands.main import COMMANDS

ROOT = Path(__file__).parents[2]
ROW = re.compile(r'^\| `mmwsss ([\w -]+)` \| (?:`([^`]*)`)? \| (.*) \|$', re.MULTILINE)
ROWS = {
    name: (tool, text)
    for name, tool, text in ROW.findall((ROOT / 'docs' / 'commands.md').read_text(encoding='utf-8'))
}


def test_every_command_has_a_row_in_their_order():
    assert list(ROWS) == list(COMMANDS)


@pytest.mark.parametrize('name', COMMANDS)
def test_a_row_says_what_the_help_says_and_names_the_tool(name):
    tool, text = ROWS[name]
    assert text == COMMANDS[name].HELP
    words = ', '.join(f"'{word}'" for word in name.split())
    forwarding = [
        path for path in (ROOT / 'tools').rglob('*.py') if f'main([{words}, ' in path.read_text()
    ]
    assert set((ROOT / 'tools').glob(tool) if tool else ()) == set(forwarding)
