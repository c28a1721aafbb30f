"""VPL's phase 1 at the size of VOC: the published recipe beside L-BFGS on the same problem.

Run: ``python benchmarks/vision_prototypes.py``. The vectors are made up: two cones, one of
text and one of vision, far apart as CLIP's are, in which a region is nearer to the prototypes of
its classes; so times are real, and KL and gap are those of this scene. Each solver runs in a
process of its own; memory is what it adds to the imports and the data.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

from mmwsss.functional import vision_prototypes as vpl
from mmwsss.pipeline.memory import peak_megabytes

CLASSES = 20
TAU_TEXT, TAU_IMAGE = 0.01, 0.03


def make_scene(rows, channels, prototypes):
    """Return region vectors, text prototypes and which prototypes count for which region."""
    generator = torch.Generator().manual_seed(0)

    def directions(*size):
        return F.normalize(torch.randn(*size, channels, generator=generator), dim=-1)

    def choose(low, high):
        return torch.randint(low, high, (rows,), generator=generator)

    text_cone, vision_cone, concept = directions(), directions(), directions(prototypes)
    text = F.normalize(0.85 * text_cone + 0.53 * concept, dim=1)
    look = F.normalize(concept + directions(prototypes), dim=1)
    own, other, ground = choose(0, CLASSES), choose(0, CLASSES), choose(CLASSES, prototypes)
    share = torch.rand(3, rows, 1, generator=generator)
    mixed = share[0] * look[own] + 0.6 * (share[1] * look[ground] + share[2] * look[other])
    common = 0.6 * vision_cone + 0.25 * text_cone
    x = F.normalize(common + 0.2 * mixed + 0.75 * directions(rows), dim=1)
    allowed = torch.arange(prototypes).expand(rows, -1) >= CLASSES
    allowed = allowed.scatter(1, torch.stack([own, other], dim=1), True)
    return x, text, allowed


def measure(arguments):
    """Fit with one solver and print its figures."""
    x, text, allowed = make_scene(arguments.rows, arguments.channels, arguments.prototypes)
    target = vpl.target_distribution(x, text, allowed, TAU_TEXT)
    Path('/proc/self/clear_refs').write_text('5')  # the peak so far is forgotten
    before = peak_megabytes()
    load, start, used = os.getloadavg()[0], time.perf_counter(), time.process_time()
    if arguments.solver == 'gradient':
        found = vpl.fit_by_projected_gradient(
            x, target, text, TAU_IMAGE, iterations=arguments.iterations
        )
    else:
        found = vpl.fit_by_lbfgs(x, target, text, TAU_IMAGE)
    seconds, used = time.perf_counter() - start, time.process_time() - used
    curve = found.curve
    gaps = [float(vpl.modality_gap(x, part[:CLASSES])) for part in (text, found.prototypes)]
    print(
        f'{arguments.solver:>8}  {seconds:6.1f} s ({used:.1f} s of CPU, load {load:.1f} before and '
        f'{os.getloadavg()[0]:.1f} after), {len(curve) - 1} evaluations, '
        f'{peak_megabytes() - before:.0f} MB on top of {before:.0f} MB\n'
        f'          KL {float(curve[0]):.4f} at the start, {float(curve.max()):.4f} at most (at '
        f'{int(curve.argmax())}), {float(curve[-1]):.4f} in the end; last step {found.step:.2g}; '
        f'gap {gaps[0]:.3f} -> {gaps[1]:.3f}'
    )
    after = [count for count in (10, 30, 100, 300, 1000, 2000) if count < len(curve) - 1]
    print('          KL after', ', '.join(f'{n}: {float(curve[n]):.4f}' for n in after))


def main():
    """Run both solvers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rows', type=int, default=16_400, help='regions')
    parser.add_argument('--channels', type=int, default=512)
    parser.add_argument('--prototypes', type=int, default=45)
    parser.add_argument('--iterations', type=int, default=3000)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--solver', choices=['gradient', 'lbfgs'], help='only this one')
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.solver:
        measure(arguments)
        return
    for solver in ('gradient', 'lbfgs'):
        command = [sys.executable, __file__, '--solver', solver, *sys.argv[1:]]
        subprocess.run(command, check=True)


if __name__ == '__main__':
    main()
