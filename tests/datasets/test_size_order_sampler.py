"""Images of one size follow each other, the largest first, in any number of processes."""

from mmengine.dataset import sampler
from PIL import Image

from mmwsss.datasets import SizeOrderSampler

SIZES = [(8, 9), (20, 10), (9, 8), (10, 20), (8, 9), (20, 10), (9, 8)]  # width, height


class Images:
    """What the sampler asks of a data set."""

    def __init__(self, folder, sizes=SIZES):
        self.paths = []
        for number, size in enumerate(sizes):
            self.paths.append(str(folder / f'{number}.png'))
            Image.new('RGB', size).save(self.paths[-1])

    def __len__(self):
        return len(self.paths)

    def get_data_info(self, index):
        return {'img_path': self.paths[index]}


def test_equal_sizes_follow_each_other_and_the_largest_come_first(tmp_path):
    order = SizeOrderSampler(Images(tmp_path))
    assert len(order) == len(SIZES)
    # height before width: 10 x 20, 20 x 10, 8 x 9, 9 x 8; of one size as they are listed
    assert list(order) == [1, 5, 3, 2, 6, 0, 4]


def test_processes_share_what_one_alone_would_see(tmp_path, monkeypatch):
    images = Images(tmp_path)
    dealt = []
    for rank in range(2):
        monkeypatch.setattr(sampler, 'get_dist_info', lambda rank=rank: (rank, 2))
        dealt.append(list(SizeOrderSampler(images)))
    assert dealt == [[1, 3, 6, 4], [5, 2, 0, 1]]  # the first one again, so that both have four


def test_what_cannot_be_read_comes_last(tmp_path):
    images = Images(tmp_path, SIZES[:3])
    (tmp_path / '0.png').write_text('no image')
    (tmp_path / '1.png').unlink()
    assert list(SizeOrderSampler(images)) == [2, 0, 1]
