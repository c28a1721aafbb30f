"""Every block of the documents is run, or listed with a reason; what it names is there."""

import importlib
import re
import shlex

import pytest
import toy_size
from doc_blocks import ILLUSTRATIONS, ROOT, RUN, blocks_of, pages
from doc_plan import NOT_RUN, PLANS

from mmwsss.commands.arguments import read_changes
from mmwsss.pipeline.config import load_config

BLOCKS = [block for page in pages() for block in blocks_of(page)]
_COMMENT = re.compile(r'^#.*\n', re.MULTILINE)


def changes():
    """Return the words of every command line that changes a config."""
    found = []
    for block in BLOCKS:
        if block.language != 'bash' or block.key in NOT_RUN:
            continue
        for line in block.text.replace('\\\n', ' ').splitlines():
            if '--cfg-options' in line:
                number = sum(param.id.startswith(f'{block}-') for param in found)
                words = shlex.split(line, comments=True)
                found.append(pytest.param(words, id=f'{block}-{number}'))
    return found


@pytest.mark.parametrize('page', pages())
def test_every_fence_is_seen_and_says_what_it_is(page):
    fences = re.findall(r'^ *```', (ROOT / page).read_text(encoding='utf-8'), re.MULTILINE)
    assert len(fences) == 2 * len(blocks_of(page))
    for block in blocks_of(page):
        assert block.language in (*RUN, *ILLUSTRATIONS), f'{block}: commands, or text?'


def test_few_blocks_are_not_run_and_each_for_a_reason():
    assert len(NOT_RUN) < 10
    runnable = {block.key for block in BLOCKS if block.language in RUN}
    assert not set(NOT_RUN) - runnable, 'no longer there'
    assert all(reason.startswith(('needs ', 'a skeleton')) for reason in NOT_RUN.values())


def test_every_page_with_blocks_has_a_plan():
    wanted = {block.page for block in BLOCKS if block.language in RUN}
    assert wanted <= set(PLANS) <= set(pages())


@pytest.mark.parametrize(
    'block', [b for b in BLOCKS if b.title and (ROOT / b.title).exists()], ids=str
)
def test_a_block_that_shows_a_shipped_file_is_that_file(block):
    shipped = (ROOT / block.title).read_text(encoding='utf-8')
    assert _COMMENT.sub('', block.text) == _COMMENT.sub('', shipped)


def test_configs_that_commands_name_are_there():
    own = {block.title for block in BLOCKS if block.title}
    texts = [block.text for block in BLOCKS if block.language in RUN and block.key not in NOT_RUN]
    named = {path for text in texts for path in re.findall(r'configs/[\w/*\[\].]+\.py', text)}
    assert len(named) > 20
    assert not [path for path in named - own if not list(ROOT.glob(path))]


@pytest.mark.parametrize('words', changes())
def test_options_of_commands_fit_their_configs(words):
    paths = [path for word in words if word.startswith('configs/') for path in ROOT.glob(word)]
    options = words[words.index('--cfg-options') + 1 :]
    if not paths:
        pytest.skip('a config of the reader: the page itself is run')
    for path in paths:
        load_config(path, read_changes([word for word in options if '=' in word]))


@pytest.mark.parametrize('module', toy_size.PATCHES)
def test_what_makes_documents_small_finds_its_places(module):
    importlib.import_module(module)
