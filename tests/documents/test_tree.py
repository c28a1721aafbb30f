"""What is changed of a document's text, and nothing else."""

import shlex

import pytest
from doc_blocks import Block, blocks_of, pages
from doc_tree import replace

TRAIN, TEST = 'tools/dist_train.sh a.py', 'tools/dist_test.sh a.py \\\n  b/epoch_8.pth'


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('run a.py --gpus 8 --x 8\n', 'run a.py --gpus 2 --x 8\n'),
        (f'{TRAIN} 8 --x 8', f'{TRAIN} 2 --x 8'),
        (f'{TEST} 8', f'{TEST} 2'),
        ('MMWSSS_DATA=/path/to/folder x', 'MMWSSS_DATA=data x'),
        (f'{TRAIN} 2 --x 8', f'{TRAIN} 2 --x 8'),
    ],
)
def test_eight_processes_become_two(text, expected):
    assert replace(Block('page.md', 1, 'bash', None, text)) == expected


def test_no_document_starts_more_than_two_processes():
    numbers = []
    for block in (block for page in pages() for block in blocks_of(page)):
        lines = replace(block).replace('\\\n', ' ').splitlines() if block.language == 'bash' else []
        for words in (shlex.split(line, comments=True) for line in lines):
            place = (
                {'tools/dist_train.sh': 2, 'tools/dist_test.sh': 3}.get(words[0]) if words else None
            )
            numbers += [words[place]] if place else []
            numbers += [words[words.index('--gpus') + 1]] if '--gpus' in words else []
    assert len(numbers) > 5
    assert set(numbers) == {'2'}
