"""Figures of tiny networks with made-up weights, and of made-up seeds and predictions."""

import json

import numpy as np
import pytest
import torch
from clip_models import SMALL
from mmengine.registry import init_default_scope

from mmwsss.pipeline.execution import record_done
from mmwsss.pipeline.explaining import batches, image_label
from mmwsss.pipeline.run import open_workspace
from mmwsss.pipeline.vectors import anchor_vectors
from mmwsss.registry import MODELS
from mmwsss.reproduction import embeddings, pictures
from mmwsss.reproduction.figures import draw_classes
from mmwsss.reproduction.items import find_item
from mmwsss.reproduction.networks import labelled_val, open_network
from mmwsss.reproduction.runs import plan
from mmwsss.seeds import Seed, load_mask, save_mask, save_seed
from mmwsss.toy_scenes import write_toy_scenes
from mmwsss.visualization import save_figure

TRAIN, VAL, CLASSES = 4, 3, 10
CONTEXTS = 3
CLIP = {**SMALL, 'vision_cfg': {**SMALL['vision_cfg'], 'patch_size': 16}}
SMALL_CLIP = {
    'model.backbone.model_name': {'_delete_': True, **CLIP},
    'model.backbone.pretrained': None,
    'model.backbone.num_attention_blocks': 2,
    'model.cam_head.embed_dims': 16,
    'model.cam_head.prototypes.embed_dims': 16,
}
DECODER = {'in_channels': [64] * 3, 'embed_dims': 16, 'channels': 8, 'num_heads': 2}
SMALL_DECODER = {
    **SMALL_CLIP,
    'stages.decoder.options': {
        'model.backbone.out_indices': (0, 1, 2),
        **{f'model.decode_head.{name}': value for name, value in DECODER.items()},
    },
}


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    write_toy_scenes(root / 'toy_scenes', TRAIN, VAL, side_range=(64, 80))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MMWSSS_DATA', str(root))
        yield root


def made_up(run, change=lambda network: None):
    """Save a network of the run's last stage that has learnt nothing."""
    workspace = open_workspace(run.config, run.root)
    config = workspace.network_config(run.until)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    network = MODELS.build(config.model)
    change(network)
    folder = workspace.folder(run.until)
    folder.mkdir(parents=True)
    torch.save({'state_dict': network.state_dict()}, folder / 'epoch_1.pth')
    (folder / 'last_checkpoint').write_text('epoch_1.pth')


def fill_bank(network):
    head = network.prototype_head
    context = head.bank.context[:, :CONTEXTS]  # the background's among them
    context.copy_(torch.randn_like(context))
    head.bank.context_count.fill_(CONTEXTS)
    for running in (head.instance_mean, head.feature_mean):
        running.mean.normal_()
        running.updates.fill_(10_000)


def labels_of(root, split):
    labels = json.loads((root / 'toy_scenes/image_labels.json').read_text())
    ids = (root / f'toy_scenes/ImageSets/Segmentation/{split}.txt').read_text().split()
    return [labels[image_id] for image_id in ids]


def test_alignment_shows_an_anchor_of_each_class_of_val(data, tmp_path):
    item = find_item('cpal', 'figure3')
    # of a network that has learnt nothing a class may own no pixel
    runs = plan(item, 'toy', tmp_path, changes={'model.prototype_head.instances': 'threshold'})
    for run in runs.values():
        made_up(run, fill_bank)
    plain, shifted = (embeddings.aligned_anchors(run) for run in runs.values())
    network, config = open_network(runs['running mean'])
    before, after = anchor_vectors(network, labelled_val(config))
    np.testing.assert_array_equal(after.points, shifted.points)
    np.testing.assert_allclose(before.points, plain.points, atol=1e-5)
    assert len(plain.points) == sum(map(len, labels_of(data, 'val'))) == len(plain.classes)
    np.testing.assert_array_equal(plain.classes, shifted.classes)
    moves = shifted.points - plain.points
    assert np.abs(moves).max() > 0.1
    same = [moves[plain.classes == index] for index in set(plain.classes.tolist())]
    for group in same:  # Eq. 12: a shift of its class
        np.testing.assert_allclose(group, np.broadcast_to(group[0], group.shape), atol=1e-4)
    ((marks, owners),) = plain.marks.values()
    assert len(marks) == CLASSES * CONTEXTS and owners.tolist() == sorted(owners.tolist())
    figure = embeddings.draw_alignment(item, 'toy', runs, {})
    assert [axes.get_title().split(':')[0] for axes in figure.axes] == list(runs)
    assert all(path.is_file() for path in save_figure(figure, tmp_path / 'figure'))


def test_prototypes_light_up_where_their_maps_do(data, tmp_path):
    item = find_item('cpal', 'figure5a')
    runs = plan(item, 'toy', tmp_path)
    made_up(runs['CPAL'], fill_bank)
    figure = pictures.draw_prototypes(item, 'toy', runs, {})
    assert len(figure.axes) == TRAIN * 7
    network, config = open_network(runs['CPAL'])
    batch = next(batches(network, labelled_val(config)))
    with torch.no_grad():
        output = network.compute_cam(batch['inputs'], batch['data_samples'])
    head, label = network.prototype_head, image_label(batch)
    found = head.explain(output, label)
    # weighted, the maps are nearly the PACAM, whose positive part is taken of the sum
    total = (found.weight[:, :, None, None] * found.maps).sum(dim=1)
    pacam = head.predict(output, label)[found.image_index, found.class_index]
    assert bool((total >= pacam - 1e-5).all())


def test_a_network_that_is_not_trained_is_named(data, tmp_path):
    run = plan(find_item('cpal', 'figure5a'), 'toy', tmp_path)['CPAL']
    with pytest.raises(FileNotFoundError, match=r'no checkpoint in .*cam'):
        open_network(run)


def test_the_gap_lies_between_regions_and_prototypes(data, tmp_path):
    pytest.importorskip('open_clip')
    item = find_item('vpl', 'figure1a')
    runs = plan(item, 'toy', tmp_path, changes=SMALL_CLIP)
    vectors = torch.nn.functional.normalize(torch.randn(35, 16), dim=1)

    def fit(network):
        network.cam_head.prototypes.text.copy_(vectors)
        network.cam_head.prototypes.vectors.copy_(vectors.flip(0))

    made_up(runs['VPL'], fit)
    found = embeddings.clip_vectors(runs['VPL'])
    assert 0 < len(found.points) <= sum(map(len, labels_of(data, 'train')))
    np.testing.assert_allclose(np.linalg.norm(found.points, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found.marks['vision prototype'][0], vectors.flip(0)[:CLASSES])
    figure = embeddings.draw_gap(item, 'toy', runs, {})
    assert 'gap' in figure.axes[0].get_title()


def test_the_contrast_shows_each_class_of_each_val_image(data, tmp_path):
    pytest.importorskip('open_clip')
    item = find_item('vpl', 'figure4')
    runs = plan(item, 'toy', tmp_path, ['with RSC'], SMALL_DECODER)
    made_up(runs['with RSC'])
    found = embeddings.decoder_vectors(runs['with RSC'])
    # of small things no cell may be left
    assert 0 < len(found.points) <= sum(map(len, labels_of(data, 'val')))
    assert len(found.marks['class prototype'][0]) == CLASSES


def ids_of(data, split):
    return (data / f'toy_scenes/ImageSets/Segmentation/{split}.txt').read_text().split()


def test_maps_of_several_runs_stand_side_by_side(data, tmp_path):
    item = find_item('cpal', 'figure5b')
    runs = plan(item, 'toy', tmp_path, ['without the loss', 'CPAL'])
    states = {}
    for number, (label, run) in enumerate(runs.items()):
        workspace = run.state().done.workspace
        for image_id in ids_of(data, 'train'):
            maps = np.full((2, 8, 8), number, dtype=np.float32)
            seed = Seed(np.array([1, 4]), maps, (70, 70), pacam=maps)
            save_seed(workspace.folder('seeds') / 'seeds' / f'{image_id}.npz', seed)
        for name in ('cam', 'seeds'):
            record_done(workspace.stages[name], workspace, {}, 1.0, {})
        states[label] = run.state()
        assert not states[label].pending
    figure = pictures.draw_maps(item, 'toy', runs, states)
    assert len(figure.axes) == TRAIN * 3
    photo, first, second = (axes.images[0].get_array() for axes in figure.axes[:3])
    np.testing.assert_array_equal(photo, first)  # an empty map leaves the photograph as it is
    assert (second != photo).any()
    assert figure.axes[2].get_title() == 'CPAL'


def test_masks_and_classes_of_tested_runs(data, tmp_path):
    item = find_item('cpf_cte', 'figure6')
    runs = plan(item, 'toy', tmp_path)
    states = {}
    for label, run in runs.items():
        workspace = run.state().done.workspace
        for image_id in ids_of(data, 'val'):
            truth = load_mask(data / f'toy_scenes/SegmentationClass/{image_id}.png')
            folder = workspace.folder('test') / 'predictions'
            save_mask(folder / f'{image_id}.png', truth if label == 'CPF-CTE' else 0 * truth)
        figures = {'mIoU': 50.0, 'IoU': {'cat': 40.0, 'dog': None}}
        for name, stage in workspace.stages.items():
            record_done(
                stage,
                workspace,
                figures if name == 'test' else {'sources': {}, 'masks': {'mIoU': 1.0}},
                1.0,
                {},
            )
        states[label] = run.state()
    figure = pictures.draw_masks(item, 'toy', runs, states)
    assert len(figure.axes) == VAL * 4
    photo, truth, base, ours = (axes.images[0].get_array() for axes in figure.axes[:4])
    np.testing.assert_array_equal(truth, ours)
    np.testing.assert_array_equal(photo, base)
    bars = draw_classes(find_item('cpf_cte', 'figure7'), 'toy', runs, states)
    assert [bar.get_height() for bar in bars.axes[0].patches] == [40.0, 40.0]
    assert states['CPF-CTE'].figures['segmentor'] == 50.0
