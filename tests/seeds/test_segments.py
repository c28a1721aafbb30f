import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from mmwsss.commands.main import main
from mmwsss.functional.segments import segments_of_map, segments_of_masks
from mmwsss.seeds.crf import IRN_CRF
from mmwsss.seeds.files import Seed, load_seed, save_seed
from mmwsss.seeds.masks import load_mask
from mmwsss.seeds.refine import (
    RefineItem,
    RefineSettings,
    refine_items,
    refine_seed,
    refine_seeds_with_crf,
)
from mmwsss.seeds.segments import (
    MAX_SEGMENTS,
    SegmentVote,
    find_segments,
    load_segments,
    save_segment_map,
    save_segment_masks,
    vote,
)
from mmwsss.structures import encode_run_lengths, read_image

SIZE = (4, 6)
# the left third, the whole upper half, and a square within it; the lower right lies in none
MASKS = np.zeros((3, *SIZE), dtype=bool)
MASKS[0, :, :2] = MASKS[1, :2] = MASKS[2, :2, 2:4] = True
SEGMENTS = segments_of_masks(torch.from_numpy(MASKS))


def planes_of(labels, number=3):
    return np.stack([np.where(labels == c, 0.8, 0.1) for c in range(number)]).astype(np.float32)


def voted(labels, **rules):
    labels = np.array(labels)
    return vote(planes_of(labels), np.ones(SIZE, bool), SEGMENTS, SegmentVote(**rules))


LABELS = [[1, 1, 0, 2, 0, 0], [1, 0, 2, 2, 0, 0], [1, 1, 0, 0, 2, 0], [0, 0, 0, 0, 0, 0]]


def test_segments_take_the_label_of_their_majority():
    # left: 5 of 8 are 1; upper: 6 of 12 are background, not more than half; square: 3 of 4 are 2
    found = voted(LABELS)
    assert found.labels.tolist() == [
        [1, 1, 2, 2, 0, 0],
        [1, 1, 2, 2, 0, 0],
        [1, 1, 0, 0, 2, 0],
        [1, 1, 0, 0, 0, 0],
    ]
    np.testing.assert_array_equal(found.decided, MASKS[0] | MASKS[2])
    assert not found.disputed.any()


def test_a_claimed_pixel_goes_to_one_of_its_segments():
    rules = {'min_share': 0.3}  # now the upper half is elected for the background, too
    assert voted(LABELS, conflict='smallest', **rules).labels[0].tolist() == [1, 1, 2, 2, 0, 0]
    assert voted(LABELS, conflict='largest', **rules).labels[0].tolist() == [0, 0, 0, 0, 0, 0]
    assert voted(LABELS, conflict='surest', **rules).labels[0].tolist() == [1, 1, 2, 2, 0, 0]
    ignored = voted(LABELS, conflict='ignore', **rules)
    assert ignored.disputed.tolist() == [[True] * 4 + [False] * 2] * 2 + [[False] * 6] * 2


def test_the_surest_is_not_the_smallest():
    labels = np.array(LABELS)
    labels[:2] = 0
    labels[:2, 2] = 2  # half of the square, not more
    labels[2:, :2] = 0
    labels[0, 3] = 2  # three of four of it, and nine of twelve of the upper half
    labels[1, 4:] = 1
    small, sure = (
        voted(labels, conflict=who, min_share=0.4).labels[0, 2:4].tolist()
        for who in ('smallest', 'surest')
    )
    assert small == [2, 2] and sure == [2, 2]
    labels[1, 4:] = 0
    labels[0, 3] = 1  # half and more of the square are 2, five sixths of the upper half background
    small, sure = (
        voted(labels, conflict=who, min_share=0.4).labels[0, 2:4].tolist()
        for who in ('smallest', 'surest')
    )
    assert small == [2, 2] and sure == [0, 0]


def test_a_covered_class_and_a_background_that_does_not_vote():
    labels = np.zeros(SIZE, int)
    labels[0, 2] = 2  # all of class 2, a fourth of the square
    assert not voted(labels).labels.any()
    rules = {'background_votes': False, 'min_covered': 0.85}
    found = voted(labels, **rules).labels
    np.testing.assert_array_equal(found == 2, MASKS[1] | MASKS[2])


def test_what_no_segment_is_elected_for_becomes_background():
    labels = np.full(SIZE, 2)
    labels[:, ::2] = 1  # half and half everywhere
    kept, lost = (voted(labels, unelected=what) for what in ('keep', 'background'))
    np.testing.assert_array_equal(kept.labels, labels)
    assert not kept.decided.any()
    inside = MASKS.any(axis=0)
    np.testing.assert_array_equal(lost.labels, np.where(inside, 0, labels))
    np.testing.assert_array_equal(lost.decided, inside)


def test_scores_weigh_and_labels_do_not():
    planes = np.zeros((2, *SIZE), dtype=np.float32)
    planes[0] = 0.4
    planes[1, :, :2] = 0.3
    planes[1, 0, 0] = planes[1, 0, 1] = 4.0  # two of eight are sure, six nearly so
    everybody = np.ones(SIZE, bool)
    by_label = vote(planes, everybody, SEGMENTS, SegmentVote())
    by_score = vote(planes, everybody, SEGMENTS, SegmentVote(ballot='score'))
    assert not by_label.labels[3].any() and by_score.labels[3].tolist() == [1, 1, 0, 0, 0, 0]


def test_pixels_that_abstain_count_in_the_area_alone():
    labels = np.array(LABELS)
    sure = np.ones(SIZE, bool)
    sure[2, :2] = sure[1, 1] = False  # three of eight are left for it, and two against
    found = vote(planes_of(labels), sure, SEGMENTS, SegmentVote())
    assert not found.decided[3, 0] and found.labels[3, 0] == 0
    found = vote(planes_of(labels), sure, SEGMENTS, SegmentVote(min_share=0.2))
    assert found.labels[3, 0] == 1


def test_without_segments_all_stays():
    none = segments_of_masks(torch.zeros(0, *SIZE, dtype=torch.bool))
    labels = np.array(LABELS)
    found = vote(planes_of(labels), np.ones(SIZE, bool), none, SegmentVote(unelected='background'))
    np.testing.assert_array_equal(found.labels, labels)


def write_all(folder):
    label_map = np.zeros(SIZE, dtype=np.int64)
    label_map[:, :2], label_map[:2, 2:] = 1, 300
    save_segment_map(folder / 'map.png', label_map)
    np.savez(folder / 'map.npz', segments=label_map)
    np.savez_compressed(folder / 'masks.npz', masks=MASKS)
    entries = [{'segmentation': encode_run_lengths(mask), 'predicted_iou': 0.9} for mask in MASKS]
    save_segment_masks(folder / 'sam.json', entries)
    (folder / 'sa1b.json').write_text(json.dumps({'image': {}, 'annotations': entries}))
    plain = {'size': list(SIZE), 'counts': [0, 8, 16]}  # column by column: the left third
    (folder / 'plain.json').write_text(json.dumps([{'segmentation': plain}]))
    (folder / 'empty.json').write_text('[]')
    Image.fromarray(label_map.astype(np.uint8)).convert('P').save(folder / 'palette.png')
    return label_map


def test_files(tmp_path):
    label_map = write_all(tmp_path)

    def same(name, expected):
        found = load_segments(tmp_path / name, SIZE)
        for one, other in zip(found, expected, strict=True):
            assert torch.as_tensor(one).equal(torch.as_tensor(other)), name

    for name in ('map.png', 'map.npz'):
        same(name, segments_of_map(torch.from_numpy(label_map)))
    for name in ('masks.npz', 'sam.json', 'sa1b.json'):
        same(name, SEGMENTS)
    same('plain.json', segments_of_masks(torch.from_numpy(MASKS[:1])))
    same('empty.json', segments_of_masks(torch.zeros(0, *SIZE, dtype=torch.bool)))
    assert load_segments(tmp_path / 'palette.png', SIZE).number == 2
    assert find_segments(tmp_path, 'map') == tmp_path / 'map.png'
    assert find_segments(tmp_path, 'sam') == tmp_path / 'sam.json'


def test_damaged_files_are_named(tmp_path):
    write_all(tmp_path)
    Image.new('RGB', SIZE[::-1]).save(tmp_path / 'colours.png')
    np.savez(tmp_path / 'other.npz', cam=MASKS)
    np.savez(tmp_path / 'whole.npz', masks=MASKS.astype(int))
    (tmp_path / 'cut.json').write_text('[{"segm')
    (tmp_path / 'boxes.json').write_text('[{"bbox": [0, 0, 1, 1]}]')
    for name, fault in {
        'colours.png': r'not \(4, 6, 3\) uint8',
        'other.npz': 'neither segments nor masks, but cam',
        'whole.npz': r'of bool, not \(3, 4, 6\) int64',
        'cut.json': 'Unterminated',
        'boxes.json': 'segmentation',
    }.items():
        with pytest.raises(
            ValueError, match=rf'{name} holds no segments \(.*{fault}.*segments\.md'
        ):
            load_segments(tmp_path / name, SIZE)
    with pytest.raises(ValueError, match=r'map.png is of an image of \(4, 6\), not of \(6, 4\)'):
        load_segments(tmp_path / 'map.png', (6, 4))
    with pytest.raises(FileNotFoundError, match=r'no segments of x in .*: make them with'):
        find_segments(tmp_path, 'x')
    with pytest.raises(ValueError, match=r'are \.png, \.npz or \.json, not'):
        load_segments(tmp_path / 'x.pkl', SIZE)
    with pytest.raises(ValueError, match='would have 65536 segments, and 65535 fit'):
        save_segment_map(tmp_path / 'many.png', np.full((1, 1), MAX_SEGMENTS + 1))


def make_item(folder, size=(12, 16)):
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(folder / 'a.png')
    seed = Seed(classes=[3, 7], cam=rng.random((2, *size)), size=size)
    save_seed(folder / 'a.npz', seed)
    label_map = np.zeros(size, dtype=int)
    label_map[:, :5], label_map[:7, 5:] = 1, 2
    (folder / 'segments').mkdir(exist_ok=True)
    save_segment_map(folder / 'segments' / 'a.png', label_map)
    return RefineItem(
        'a', folder / 'a.png', folder / 'a.npz', folder / 'segments' / 'a.png'
    ), label_map


@pytest.mark.parametrize('crf', [None, IRN_CRF])
def test_the_refiner_votes_on_what_the_crf_leaves(tmp_path, crf):
    item, label_map = make_item(tmp_path)
    settings = RefineSettings(
        bg_threshold=0.5, crf=crf, refiner='segments', vote=SegmentVote(min_share=0.0)
    )
    _, sure = refine_seed(
        read_image(item.image_path), load_seed(item.seed_path), replace(settings, refiner='crf')
    )
    settings = replace(settings, min_confidence=float(np.median(sure)))  # half of them abstain
    refine_seeds_with_crf([item], tmp_path / 'out', settings, argmax_dir=tmp_path / 'argmax')
    plain = replace(settings, refiner='crf')
    refine_seeds_with_crf([item], tmp_path / 'plain', plain)
    before = load_mask(tmp_path / 'plain' / 'a.png')
    mask = load_mask(tmp_path / 'out' / 'a.png')
    assert (255 in before) == (crf is not None)
    for segment in (1, 2):
        inside = before[label_map == segment]
        values, counts = np.unique(inside[inside != 255], return_counts=True)
        assert set(mask[label_map == segment]) == {values[counts.argmax()]}
    np.testing.assert_array_equal(mask[label_map == 0], before[label_map == 0])
    argmax = load_mask(tmp_path / 'argmax' / 'a.png')
    np.testing.assert_array_equal(argmax[label_map > 0], mask[label_map > 0])
    assert 255 not in argmax


def test_what_segments_dispute_is_ignored():
    seed = Seed(classes=[3], cam=np.array([[[0.9, 0.9, 0.9, 0.1, 0.1, 0.1]]]), size=(1, 6))
    masks = torch.tensor([[[True] * 4 + [False] * 2], [[False] * 3 + [True] * 3]])
    settings = RefineSettings(
        bg_threshold=0.5, crf=None, refiner='segments', vote=SegmentVote(conflict='ignore')
    )
    image = np.zeros((1, 6, 3), np.uint8)
    mask, _ = refine_seed(image, seed, settings, segments_of_masks(masks))
    assert mask.tolist() == [[4, 4, 4, 255, 0, 0]]
    with pytest.raises(ValueError, match='needs segments: name their folder'):
        refine_seed(image, seed, settings)


def test_wrong_rules_are_refused():
    with pytest.raises(ValueError, match=r"vote\.conflict is 'last'; choose one of smallest, "):
        SegmentVote(conflict='last')
    with pytest.raises(ValueError, match=r'vote.min_share is 2; it must lie in \[0, 1\]'):
        SegmentVote(min_share=2)


def test_the_command_votes(tmp_path, capsys):
    make_item(tmp_path)
    (tmp_path / 'ids.txt').write_text('a\n')
    words = ['refine', str(tmp_path), str(tmp_path / 'out'), '--ids', str(tmp_path / 'ids.txt')]
    words += ['--images', str(tmp_path), '--image-suffix', '.png', '--processes', '1']
    words += ['--bg-threshold', '0.5', '--crf', 'none', '--min-share', '0']
    assert main([*words, '--refiner', 'segments', '--segments', str(tmp_path / 'segments')]) == 0
    (item,) = refine_items(tmp_path, tmp_path, ['a'], '.png', tmp_path / 'segments')
    settings = RefineSettings(
        bg_threshold=0.5, crf=None, refiner='segments', vote=SegmentVote(min_share=0)
    )
    refine_seeds_with_crf([item], tmp_path / 'expected', settings)
    found = load_mask(tmp_path / 'out' / 'a.png')
    np.testing.assert_array_equal(found, load_mask(tmp_path / 'expected' / 'a.png'))
    assert main(words) == 1
    assert 'go together' in capsys.readouterr().err


def test_without_a_crf_every_pixel_votes():
    seed = Seed(classes=[3], cam=np.array([[[0.9, 0.9, 0.1, 0.1, 0.1, 0.1]]]), size=(1, 6))
    halves = segments_of_masks(torch.tensor([[[True] * 3 + [False] * 3]]))
    settings = RefineSettings(bg_threshold=0.5, crf=None, refiner='segments', min_confidence=1.0)
    mask, sure = refine_seed(np.zeros((1, 6, 3), np.uint8), seed, settings, halves)
    assert mask.tolist() == [[4, 4, 4, 0, 0, 0]] and (sure == 1).all()


def test_the_defaults_of_a_vote():
    documented = SegmentVote('label', 0.5, None, True, 'smallest', 'keep')
    assert SegmentVote() == RefineSettings().vote == documented
