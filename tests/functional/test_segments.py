import numpy as np
import pytest
import torch

from mmwsss.functional.segments import (
    NO_LABEL,
    disputed_pixels,
    elect,
    segment_votes,
    segments_of_map,
    segments_of_masks,
    strongest_segment,
)

RNG = np.random.default_rng(0)
SIZES = [(5, 7), (6, 4), (1, 1)]


def random_masks(number, size):
    return RNG.random((number, *size)) < 0.4


def random_ballots(labels, size):
    ballots = RNG.random((labels, *size))
    return ballots / ballots.sum(axis=0)


def naive_votes(ballots, masks):
    labels, height, width = ballots.shape
    votes = np.zeros((len(masks), labels))
    for s in range(len(masks)):
        for c in range(labels):
            for y in range(height):
                for x in range(width):
                    if masks[s, y, x]:
                        votes[s, c] += ballots[c, y, x]
    return votes


def naive_elected(votes, areas, totals, min_share, min_covered, background_votes):
    elected = []
    for s in range(len(votes)):
        best = None
        for c in range(0 if background_votes else 1, votes.shape[1]):
            if best is None or votes[s, c] > votes[s, best]:
                best = c
        enough = best is not None and votes[s, best] > min_share * areas[s]
        if min_covered is not None and best and votes[s, best] > 0:
            enough = enough or votes[s, best] >= min_covered * totals[best]
        elected.append(best if enough else NO_LABEL)
    return elected


def naive_owner(masks, elected, strength):
    _, height, width = masks.shape
    owner, disputed = np.full((height, width), -1), np.zeros((height, width), bool)
    for y in range(height):
        for x in range(width):
            for s in range(len(masks)):
                if not masks[s, y, x] or elected[s] == NO_LABEL:
                    continue
                if owner[y, x] < 0 or strength[s] > strength[owner[y, x]]:
                    owner[y, x] = s
                for other in range(len(masks)):
                    if masks[other, y, x] and elected[other] not in (NO_LABEL, elected[s]):
                        disputed[y, x] = True
    return owner, disputed


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('number', [0, 6])
def test_votes_against_plain_loops(size, number):
    masks, ballots = random_masks(number, size), random_ballots(3, size)
    segments = segments_of_masks(torch.from_numpy(masks))
    votes = segment_votes(torch.from_numpy(ballots), segments)
    np.testing.assert_allclose(votes, naive_votes(ballots, masks))
    assert segments.areas().tolist() == masks.sum(axis=(1, 2)).tolist()


def test_a_map_is_its_masks():
    label_map = torch.from_numpy(RNG.choice([0, 3, 5, 9], (6, 5)))
    masks = torch.stack([label_map == name for name in (3, 5, 9)])
    ballots = torch.from_numpy(random_ballots(2, (6, 5)))
    by_map, by_masks = segments_of_map(label_map), segments_of_masks(masks)
    assert by_map.number == 3 and by_map.areas().equal(by_masks.areas())
    torch.testing.assert_close(segment_votes(ballots, by_map), segment_votes(ballots, by_masks))


@pytest.mark.parametrize('min_share', [0.0, 0.4, 0.7])
@pytest.mark.parametrize('min_covered', [None, 0.3, 0.6])
@pytest.mark.parametrize('background_votes', [True, False])
def test_elections_against_plain_loops(min_share, min_covered, background_votes):
    # whole votes, so that there are ties
    votes = RNG.integers(0, 4, (300, 3)).astype(float)
    areas = votes.sum(axis=1).astype(int) + RNG.integers(0, 3, 300)
    totals = RNG.integers(4, 8, 3).astype(float)
    rules = min_share, min_covered, background_votes
    elected = elect(*map(torch.from_numpy, (votes, areas, totals)), *rules)
    assert elected.tolist() == naive_elected(votes, areas, totals, *rules)
    assert NO_LABEL in elected and {1, 2} < set(elected.tolist())
    assert (0 in elected) == background_votes


def test_what_is_exactly_the_share_is_not_enough_and_what_is_exactly_covered_is():
    votes, areas = torch.tensor([[0.0, 2.0]]), torch.tensor([4])
    assert elect(votes, areas, torch.tensor([0.0, 8.0])).tolist() == [NO_LABEL]
    assert elect(votes, areas, torch.tensor([0.0, 8.0]), 0.5, 0.25).tolist() == [1]
    # nobody votes: the class covers all of its no votes, and is not elected
    assert elect(torch.zeros(1, 2), areas, torch.zeros(2), 0.0, 0.5).tolist() == [NO_LABEL]


def test_the_background_alone_elects_nobody_where_it_does_not_vote():
    votes = torch.tensor([[4.0]])
    assert elect(votes, torch.tensor([4]), torch.tensor([4.0])).tolist() == [0]
    rules = {'background_votes': False}
    assert elect(votes, torch.tensor([4]), torch.tensor([4.0]), **rules).tolist() == [NO_LABEL]


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('number', [0, 7])
def test_owners_against_plain_loops(size, number):
    masks = random_masks(number, size)
    elected = RNG.integers(-1, 3, number)
    strength = RNG.integers(0, 3, number)  # some equally strong: the first has the pixel
    segments = segments_of_masks(torch.from_numpy(masks))
    owner, disputed = naive_owner(masks, elected, strength)
    found = strongest_segment(segments, torch.from_numpy(elected), torch.from_numpy(strength))
    np.testing.assert_array_equal(found, owner)
    found = disputed_pixels(segments, torch.from_numpy(elected))
    np.testing.assert_array_equal(found, disputed)


def test_segments_of_another_image_are_refused():
    segments = segments_of_map(torch.ones(4, 5, dtype=torch.long))
    with pytest.raises(ValueError, match=r'segments are of an image of \(4, 5\), not of \(5, 4\)'):
        segment_votes(torch.ones(1, 5, 4), segments)
