"""A CLIP small enough for tests, and CLIP-ES written again from its description."""

import math

import torch

from mmwsss.registry import MODELS

SMALL = {
    'embed_dim': 16,
    'quick_gelu': True,
    'vision_cfg': {
        'image_size': 32,
        'patch_size': 8,
        'width': 64,
        'head_width': 32,
        'layers': 4,
    },
    'text_cfg': {'context_length': 20, 'vocab_size': 49408, 'width': 32, 'heads': 1, 'layers': 1},
}


TEXT = {'names': ['boat', 'car', 'cat', 'dog'], 'background': ['sky', 'lake']}


def build(prototypes=None, vectors=None, head='mmwsss.CLIPESHead', **options):
    model = MODELS.build(
        {
            'type': 'mmwsss.CAMSegmentor',
            'backbone': {
                'type': 'mmwsss.CLIPESBackbone',
                'model_name': SMALL,
                'pretrained': None,
                'num_attention_blocks': 3,
            },
            'cam_head': {
                'type': head,
                'num_classes': 4,
                'embed_dims': 16,
                'text': TEXT,
                'prototypes': prototypes,
                **options,
            },
        }
    )
    if vectors is not None:
        model.cam_head.text.set_vectors(vectors)
    return model.eval()


def run(model, images, labels):
    features = model.backbone(images)
    return model.cam_head(features, torch.ones_like(images[:, :1]), torch.tensor(labels))


class NaiveCLIP:
    """The image tower of OpenAI's CLIP in plain tensor operations, on a state dict."""

    def __init__(self, state, layers=4, heads=2, patch=8, dtype=torch.float64):
        self.state = {name: value.to(dtype) for name, value in state.items()}
        self.layers, self.heads, self.patch = layers, heads, patch

    def norm(self, x, name):
        mean = x.mean(-1, keepdim=True)
        variance = ((x - mean) ** 2).mean(-1, keepdim=True)
        weight, bias = self.state[f'{name}.weight'], self.state[f'{name}.bias']
        return (x - mean) / torch.sqrt(variance + 1e-5) * weight + bias

    def embed(self, image):
        _, height, width = image.shape
        h, w = height // self.patch, width // self.patch
        kernel = self.state['visual.conv1.weight']
        patches = []
        for row in range(h):
            for column in range(w):
                top, left = row * self.patch, column * self.patch
                square = image[:, top : top + self.patch, left : left + self.patch]
                patches.append((kernel * square).sum((1, 2, 3)))
        x = torch.stack([self.state['visual.class_embedding'], *patches])
        table = self.state['visual.positional_embedding']
        side = math.isqrt(len(table) - 1)
        grid = table[1:].reshape(side, side, -1).permute(2, 0, 1)[None]
        grid = torch.nn.functional.interpolate(grid, (h, w), mode='bilinear', align_corners=False)
        positions = torch.cat([table[:1], grid[0].permute(1, 2, 0).reshape(h * w, -1)])
        return self.norm(x + positions, 'visual.ln_pre'), (h, w)

    def block(self, index, x, normalized=None):
        name = f'visual.transformer.resblocks.{index}'
        a = self.norm(x, f'{name}.ln_1') if normalized is None else normalized
        weight = self.state[f'{name}.attn.in_proj_weight']
        q, k, v = (a @ weight.T + self.state[f'{name}.attn.in_proj_bias']).chunk(3, dim=1)
        step = q.shape[1] // self.heads
        outs, maps = [], []
        for head in range(self.heads):
            part = slice(head * step, (head + 1) * step)
            attention = torch.softmax(q[:, part] @ k[:, part].T / math.sqrt(step), dim=1)
            maps.append(attention)
            outs.append(attention @ v[:, part])
        out = torch.cat(outs, dim=1) @ self.state[f'{name}.attn.out_proj.weight'].T
        x = x + out + self.state[f'{name}.attn.out_proj.bias']
        hidden = self.norm(x, f'{name}.ln_2') @ self.state[f'{name}.mlp.c_fc.weight'].T
        hidden = hidden + self.state[f'{name}.mlp.c_fc.bias']
        hidden = hidden * torch.sigmoid(1.702 * hidden)
        hidden = hidden @ self.state[f'{name}.mlp.c_proj.weight'].T
        return x + hidden + self.state[f'{name}.mlp.c_proj.bias'], sum(maps) / self.heads

    def before_last(self, image):
        x, size = self.embed(image)
        maps = []
        for index in range(self.layers - 1):
            x, attention = self.block(index, x)
            maps.append(attention)
        return x, maps, size

    def image_vector(self, last):
        patches = self.norm(last, 'visual.ln_post')[1:]
        return patches.mean(0) @ self.state['visual.proj']


def naive_clip_es(clip, image, texts, present, num_classes, kept, threshold, border, scale=100.0):
    """Return GradCAM and refined map of every present class, each ``(h, w)``, as published."""
    x, maps, (h, w) = clip.before_last(image)
    results = {}
    for label in present:
        activation = clip.norm(x, f'visual.transformer.resblocks.{clip.layers - 1}.ln_1')
        activation = activation.detach().requires_grad_(True)
        last, attention = clip.block(clip.layers - 1, x, activation)
        vector = clip.image_vector(last)
        scores = []
        for index, text in enumerate(texts):
            if index < num_classes and index not in present:
                continue
            scores.append(scale * (vector @ text) / (vector.norm() * text.norm()))
        own = list(present).index(label)
        score = torch.softmax(torch.stack(scores), dim=0)[own]
        gradient = torch.autograd.grad(score, activation)[0][1:]
        weight = gradient.mean(0)
        cam = torch.relu((activation.detach()[1:] * weight).sum(1))
        for _ in range(2):
            cam = cam - cam.min()
            cam = cam / (cam.max() + 1e-7)
        transition = sum([*maps, attention.detach()][-kept:]) / kept
        transition = transition[1:, 1:]
        for _ in range(3):
            transition = transition / transition.sum(0, keepdim=True)
            transition = transition / transition.sum(1, keepdim=True)
        transition = (transition + transition.T) / 2
        transition = transition @ transition
        box = naive_boxes(cam.reshape(h, w), threshold, border)
        refined = (transition * box.reshape(1, -1)) @ cam
        results[label] = cam.reshape(h, w), refined.reshape(h, w)
    return results


def naive_boxes(cam, threshold, border):
    """Grow every region cell by cell, and fill its box."""
    grey = [[int(value * 255) for value in row] for row in cam.tolist()]
    limit = int(threshold * max(max(row) for row in grey))
    h, w = len(grey), len(grey[0])
    seen, box = set(), torch.zeros(h, w, dtype=cam.dtype)
    for start in [(i, j) for i in range(h) for j in range(w)]:
        if start in seen or grey[start[0]][start[1]] <= limit:
            continue
        region, todo = [], [start]
        seen.add(start)
        while todo:
            i, j = todo.pop()
            region.append((i, j))
            for a in (i - 1, i, i + 1):
                for b in (j - 1, j, j + 1):
                    if 0 <= a < h and 0 <= b < w and (a, b) not in seen and grey[a][b] > limit:
                        seen.add((a, b))
                        todo.append((a, b))
        rows, columns = [i for i, _ in region], [j for _, j in region]
        bottom, right = max(rows) + 1, max(columns) + 1
        if not border:
            bottom, right = min(bottom, h - 1), min(right, w - 1)
        box[min(rows) : bottom, min(columns) : right] = 1
    return box
