"""The released networks, written anew with the names of their modules."""

import torch
import torch.nn.functional as F
from torch import nn


class Bottleneck(nn.Module):
    """Stride in the 3x3 convolution."""

    def __init__(self, in_channels, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        if in_channels != 4 * width or stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, 4 * width, 1, stride, bias=False),
                nn.BatchNorm2d(4 * width),
            )

    def forward(self, x):
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        y = self.bn3(self.conv3(y))
        return (y + (self.downsample(x) if hasattr(self, 'downsample') else x)).relu()


class ResNet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for number, (blocks, stride) in enumerate(((3, 1), (4, 2), (6, 2), (3, 1)), start=1):
            width = 32 * 2**number
            layers = []
            for block in range(blocks):
                layers.append(Bottleneck(channels, width, stride if block == 0 else 1))
                channels = 4 * width
            setattr(self, f'layer{number}', nn.Sequential(*layers))


def stem(net):
    return [net.conv1, net.bn1, nn.ReLU(), nn.MaxPool2d(3, 2, 1)]


class Classifier(nn.Module):
    """IRN's and AMN's first network."""

    def __init__(self, classes=20):
        super().__init__()
        self.resnet50 = net = ResNet50()
        self.stage1 = nn.Sequential(*stem(net), net.layer1)
        self.stage2 = nn.Sequential(net.layer2)
        self.stage3 = nn.Sequential(net.layer3)
        self.stage4 = nn.Sequential(net.layer4)
        self.backbone = nn.ModuleList([self.stage1, self.stage2, self.stage3, self.stage4])
        self._add_head(classes)

    def _add_head(self, classes):
        self.classifier = nn.Conv2d(2048, classes, 1, bias=False)
        self.newly_added = nn.ModuleList([self.classifier])

    def features(self, x):
        for stage in self.backbone:
            x = stage(x)
        return x

    def forward(self, x):
        """Maps before the ReLU, and logits of the pooled vector."""
        x = self.features(x)
        return self.classifier(x), self.classifier(x.mean((2, 3), keepdim=True)).flatten(1)


class SummedConvs(nn.Module):
    def __init__(self, classes):
        super().__init__()
        for index, rate in enumerate((6, 12, 18, 24)):
            self.add_module(f'c{index}', nn.Conv2d(2048, classes, 3, 1, rate, rate))

    def forward(self, x):
        return sum(conv(x) for conv in self.children())


class AMN(Classifier):
    def _add_head(self, classes):
        self.label_enc = nn.Linear(classes, 2048)
        self.classifier = nn.Sequential(nn.Dropout(0.1), SummedConvs(classes + 1))
        self.newly_added = nn.ModuleList([self.classifier, self.label_enc])

    def forward(self, x, image_label):
        gate = self.label_enc(image_label)[:, :, None, None]
        return self.classifier(self.features(x) * gate)


class SIPE(nn.Module):
    """A classifier and side features; seeds and prototypes of every image of its own."""

    def __init__(self, classes=20):
        super().__init__()
        self.resnet50 = net = ResNet50()
        self.stage0 = nn.Sequential(*stem(net))
        for number in range(1, 5):
            setattr(self, f'stage{number}', nn.Sequential(getattr(net, f'layer{number}')))
        self.classifier = nn.Conv2d(2048, classes, 1, bias=False)
        channels = ((256, 128), (512, 128), (1024, 256), (2048, 256))
        for number, (source, target) in enumerate(channels, start=1):
            setattr(self, f'side{number}', nn.Conv2d(source, target, 1, bias=False))
        self.backbone = nn.ModuleList(getattr(self, f'stage{number}') for number in range(5))
        sides = [getattr(self, f'side{number}') for number in range(1, 5)]
        self.newly_added = nn.ModuleList([self.classifier, *sides])

    def maps(self, x):
        """Class maps before the ReLU, and side features."""
        x = self.stage0(x)
        xs = []
        for number in range(1, 5):
            x = getattr(self, f'stage{number}')(x)
            xs.append(x)
        sides = []
        for number, x in enumerate(xs, start=1):
            side = getattr(self, f'side{number}')(x)
            side = side / (side.norm(dim=1, keepdim=True) + 1e-5)
            sides.append(F.interpolate(side, xs[2].shape[2:], mode='bilinear'))
        return self.classifier(xs[3]), torch.cat(sides, dim=1)

    def forward(self, image, mirror, label):
        """Prototype maps of one image at one scale, background first, from it and its mirror."""
        (cam, side), (cam2, side2) = self.maps(image), self.maps(mirror)
        cam, side = (cam + cam2.flip(-1)).relu(), side + side2.flip(-1)
        cam = cam / (cam.amax((2, 3), keepdim=True) + 1e-5)
        cam = torch.cat([1 - cam.amax(1, keepdim=True), cam], dim=1)[0]
        vectors = (side / (side.norm(dim=1, keepdim=True) + 1e-5))[0].flatten(1)
        like = (vectors.T @ vectors).relu()  # (L, L)
        shared = (like[None] * cam.flatten(1)[:, None]).sum(-1)  # (N + 1, L)
        overlap = shared / (like.sum(-1) + cam.flatten(1).sum(-1)[:, None] - shared)
        overlap[0] /= 2
        present = torch.cat([label.new_ones(1), label])
        seeds = F.one_hot(overlap.argmax(0), len(cam)).T * present[:, None]
        prototypes = (seeds[:, None] * side[0].flatten(1)).mean(-1)  # (N + 1, 768)
        return torch.cosine_similarity(side, prototypes[:, :, None, None], dim=1).relu()


class MeanShift(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer('running_mean', torch.zeros(2))

    def forward(self, x):
        return x if self.training else x - self.running_mean.view(1, 2, 1, 1)


def unit(in_channels, channels, groups, up=1):
    layers = [nn.Conv2d(in_channels, channels, 1, bias=False), nn.GroupNorm(groups, channels)]
    layers += [nn.Upsample(scale_factor=up, mode='bilinear', align_corners=False)] * (up > 1)
    return nn.Sequential(*layers, nn.ReLU())


class AffinityDisplacement(nn.Module):
    """IRN's second network with the constants of its training loss."""

    def __init__(self, radius=10, side=128):
        super().__init__()
        self.resnet50 = net = ResNet50()
        self.stage1 = nn.Sequential(*stem(net))
        for number in range(2, 6):
            setattr(self, f'stage{number}', nn.Sequential(getattr(net, f'layer{number - 1}')))
        self.mean_shift = MeanShift()
        inputs = (64, 256, 512, 1024, 2048)
        for index, (channels, up) in enumerate(zip(inputs, (1, 1, 2, 4, 4), strict=True), start=1):
            setattr(self, f'fc_edge{index}', unit(channels, 32, 4, up))
        self.fc_edge6 = nn.Conv2d(160, 1, 1)
        self.fc_dp1 = unit(64, 64, 8)
        self.fc_dp2 = unit(256, 128, 16)
        self.fc_dp3 = unit(512, 256, 16)
        self.fc_dp4 = unit(1024, 256, 16, up=2)
        self.fc_dp5 = unit(2048, 256, 16, up=2)
        self.fc_dp6 = unit(768, 256, 16, up=2)
        self.fc_dp7 = nn.Sequential(
            *unit(448, 256, 16), nn.Conv2d(256, 2, 1, bias=False), self.mean_shift
        )
        self.backbone = nn.ModuleList(getattr(self, f'stage{i}') for i in range(1, 6))
        self.edge_layers = nn.ModuleList(getattr(self, f'fc_edge{i}') for i in range(1, 7))
        self.dp_layers = nn.ModuleList(getattr(self, f'fc_dp{i}') for i in range(1, 8))
        self._add_constants(radius, side)

    def _add_constants(self, radius, side):
        reach = range(1 - radius, radius)
        ends = [(y, x) for y in range(radius) for x in reach if y > 0 or x > 0]
        ends = [(y, x) for y, x in ends if x * x + y * y < radius * radius]
        lengths = []
        for y, x in ends:
            box = [(i, j) for i in range(y + 1) for j in range(min(x, 0), max(x, 0) + 1)]
            lengths.append(sum((y * j - x * i) ** 2 < y * y + x * x for i, j in box))
        sources = (side - radius + 1) * (side - 2 * (radius - 1))
        for index, length in enumerate(sorted(set(lengths))):
            table = torch.zeros(1, 1, 1, dtype=torch.long)
            table = table.expand(lengths.count(length), length, sources)
            self.register_buffer(f'path_indices{index}', table)
        self.register_buffer('disp_target', torch.zeros(1, 2, len(ends), 1))

    def forward(self, x, crop=512):
        """Edge logits and displacements, on the grid of the image."""
        height, width = x.shape[2:]
        x = F.pad(x, (0, crop - width, 0, crop - height))
        xs = []
        for stage in self.backbone:
            x = stage(x)
            xs.append(x)
        edges = [layer(x) for layer, x in zip(self.edge_layers[:5], xs, strict=True)]
        rows, columns = edges[1].shape[2:]
        edge = self.fc_edge6(torch.cat([e[:, :, :rows, :columns] for e in edges], 1))
        d1, d2, d3, d4, d5 = (layer(x) for layer, x in zip(self.dp_layers[:5], xs, strict=True))
        rows, columns = d3.shape[2:]
        deep = torch.cat([d[:, :, :rows, :columns] for d in (d3, d4, d5)], 1)
        deep = self.fc_dp6(deep)[:, :, : d2.shape[2], : d2.shape[3]]
        displacement = self.fc_dp7(torch.cat([d1, d2, deep], 1))
        rows, columns = (height + 3) // 4, (width + 3) // 4
        return edge[:, :, :rows, :columns], displacement[:, :, :rows, :columns]


def conv_bn(in_channels, channels, kernel=1, stride=1, dilation=1):
    """Submodules `conv` and `bn`."""
    padding = dilation * (kernel // 2)
    block = nn.Sequential()
    block.add_module(
        'conv',
        nn.Conv2d(in_channels, channels, kernel, stride, padding, dilation, bias=False),
    )
    block.add_module('bn', nn.BatchNorm2d(channels))
    return block


class CaffeBottleneck(nn.Module):
    """Stride in the first 1x1 convolution."""

    def __init__(self, in_channels, width, stride, dilation, shortcut):
        super().__init__()
        self.reduce = conv_bn(in_channels, width, stride=stride)
        self.conv3x3 = conv_bn(width, width, kernel=3, dilation=dilation)
        self.increase = conv_bn(width, 4 * width)
        if shortcut:
            self.shortcut = conv_bn(in_channels, 4 * width, stride=stride)

    def forward(self, x):
        y = self.conv3x3(self.reduce(x).relu()).relu()
        return (self.increase(y) + (self.shortcut(x) if hasattr(self, 'shortcut') else x)).relu()


class CaffeDeepLab(nn.Module):
    def __init__(self, classes=21):
        super().__init__()
        self.layer1 = nn.Sequential()
        self.layer1.add_module('conv1', conv_bn(3, 64, kernel=7, stride=2))
        self.layer1.conv1.conv.padding = (3, 3)
        self.layer1.add_module('relu', nn.ReLU())
        self.layer1.add_module('pool', nn.MaxPool2d(3, 2, 1, ceil_mode=True))
        channels = 64
        shapes = ((3, 64, 1, 1), (4, 128, 2, 1), (23, 256, 1, 2), (3, 512, 1, 4))
        for number, (blocks, width, stride, dilation) in enumerate(shapes, start=2):
            stage = nn.Sequential()
            for block in range(blocks):
                first = block == 0
                layer = CaffeBottleneck(channels, width, stride if first else 1, dilation, first)
                stage.add_module(f'block{block + 1}', layer)
                channels = 4 * width
            self.add_module(f'layer{number}', stage)
        self.aspp = SummedConvs(classes)

    def forward(self, x):
        for layer in self.children():
            x = layer(x)
        return x


class MultiScale(nn.Module):
    """The wrapper under whose prefix the weights are saved."""

    def __init__(self):
        super().__init__()
        self.base = CaffeDeepLab()


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        """Output and attention of every head, a query per row."""
        batch, tokens, width = x.shape
        size = width // self.heads
        q, k, v = (
            part.view(batch, tokens, self.heads, size).transpose(1, 2)
            for part in self.qkv(x).chunk(3, dim=-1)
        )
        weights = torch.softmax(torch.einsum('bhid,bhjd->bhij', q, k) / size**0.5, dim=-1)
        mixed = torch.einsum('bhij,bhjd->bihd', weights, v)
        return self.proj(mixed.reshape(batch, tokens, width)), weights


class TransformerBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Module()
        self.mlp.fc1 = nn.Linear(width, 4 * width)
        self.mlp.fc2 = nn.Linear(4 * width, width)

    def forward(self, x):
        mixed, weights = self.attn(self.norm1(x))
        x = x + mixed
        return x + self.mlp.fc2(F.gelu(self.mlp.fc1(self.norm2(x)))), weights


class MCTformerV2(nn.Module):
    """DeiT-S with a token a class, and a convolution on the patch tokens."""

    def __init__(self, classes=20, width=384, depth=12, heads=6, side=14):
        super().__init__()
        self.classes, self.side = classes, side
        self.cls_token = nn.Parameter(torch.randn(1, classes, width))
        self.pos_embed = nn.Parameter(torch.randn(1, classes + side * side, width))
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, width, 16, 16)
        self.blocks = nn.ModuleList(TransformerBlock(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Conv2d(width, classes, 3, padding=1)

    def positions(self, image, rows, columns):
        if image.shape[2] == image.shape[3] == 16 * self.side:
            return self.pos_embed
        table = self.pos_embed[:, self.classes :].reshape(1, self.side, self.side, -1)
        factors = ((rows + 0.1) / self.side, (columns + 0.1) / self.side)
        table = F.interpolate(table.permute(0, 3, 1, 2), scale_factor=factors, mode='bicubic')
        table = table.permute(0, 2, 3, 1).reshape(1, rows * columns, -1)
        return torch.cat([self.pos_embed[:, : self.classes], table], dim=1)

    def forward(self, image, last=3):
        """Logits of class tokens and of patch tokens, their map, the fused map, the refined."""
        x = self.patch_embed.proj(image)
        batch, _, rows, columns = x.shape
        x = torch.cat([self.cls_token.repeat(batch, 1, 1), x.flatten(2).permute(0, 2, 1)], 1)
        x = x + self.positions(image, rows, columns)
        attention = []
        for block in self.blocks:
            x, weights = block(x)
            attention.append(weights.mean(1))
        class_tokens, patches = x[:, : self.classes], x[:, self.classes :]
        maps = self.head(patches.permute(0, 2, 1).reshape(batch, -1, rows, columns))
        attention = torch.stack(attention)  # (12, B, N + L, N + L)
        to_patches = attention[-last:].sum(0)[:, : self.classes, self.classes :]
        fused = to_patches.reshape(batch, -1, rows, columns) * maps.relu()
        affinity = attention[:, :, self.classes :, self.classes :].sum(0)
        refined = torch.einsum('bij,bnj->bni', affinity, fused.flatten(2)).view_as(fused)
        return class_tokens.mean(-1), maps.mean((2, 3)), maps, fused, affinity, refined


def randomize(network):
    """Random statistics, scales and shifts, so that no two tensors are alike."""
    generator = torch.Generator().manual_seed(0)
    for name, value in network.state_dict().items():
        if value.is_floating_point() and value.dim() == 1:
            value.copy_(0.5 + torch.rand(value.shape, generator=generator))
            if name.endswith(('bias', 'running_mean')):
                value.sub_(1)
        elif name.endswith('num_batches_tracked'):
            value.fill_(int(torch.randint(1, 99, (), generator=generator)))
    return network.eval()


NETWORKS = {
    'irn_cam': Classifier,
    'sipe': SIPE,
    'irnet': AffinityDisplacement,
    'amn': AMN,
    'mctformer': MCTformerV2,
    'deeplabv2': MultiScale,
}
