"""Seconds of k-means over a full support bank (20 classes x 1000 x 768, 50 clusters).

python benchmarks/clustering.py
"""

import argparse
import time

import torch

from mmwsss.models.prototypes import SupportBank


def main() -> None:
    """Print the seconds for entries that look like features: noise around many centres."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--classes', type=int, default=20)
    parser.add_argument('--length', type=int, default=1000)
    parser.add_argument('--channels', type=int, default=768)
    arguments = parser.parse_args()
    generator = torch.Generator().manual_seed(0)
    bank = SupportBank(arguments.classes, arguments.channels, arguments.length)
    for index in range(arguments.classes):
        centres = torch.randn(80, arguments.channels, generator=generator)
        chosen = torch.randint(0, 80, (arguments.length,), generator=generator)
        noise = torch.randn(arguments.length, arguments.channels, generator=generator)
        bank.enqueue(centres[chosen] + noise, torch.full((arguments.length,), index))
    begin = time.perf_counter()
    bank.update_context(seed=0)
    print(f'{time.perf_counter() - begin:.2f} s')


if __name__ == '__main__':
    main()
