"""The configs of one stage, with a small CLIP in the place of theirs."""

from pathlib import Path

import pytest
import torch
from clip_models import SMALL
from mmengine.registry import init_default_scope
from mmengine.structures import LabelData
from mmseg.structures import SegDataSample

from mmwsss.pipeline.building import build_stages
from mmwsss.pipeline.config import load_config
from mmwsss.pipeline.stages.checks import check_own_background
from mmwsss.pipeline.workspace import Workspace
from mmwsss.registry import HOOKS, MODELS
from mmwsss.seeds import CLIP_ES_CRF

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
ALL = sorted(
    path.relative_to(CONFIGS).as_posix()
    for path in CONFIGS.rglob('one_stage*.py')
    if '_base_' not in path.parts
)
NETWORKS = [path for path in ALL if 'one_stage_vpl' not in path]
RUNS = [path for path in ALL if 'one_stage_prototypes' not in path]


def build(path):
    """A config's model on a CLIP of four narrow blocks, all of them said once."""
    config = load_config(CONFIGS / path)
    init_default_scope('mmseg')
    backbone, head = config.model.backbone, config.model.decode_head
    blocks = backbone.get('out_indices', tuple(range(11)))
    assert len(head.in_channels) == len(blocks)
    vision = {**SMALL['vision_cfg'], 'patch_size': 16, 'layers': len(blocks) + 1}
    dims = config.model.cam_head.get('embed_dims', 512)
    small = {**SMALL, 'embed_dim': dims, 'vision_cfg': vision}
    backbone.update(pretrained=None, model_name=small)
    head.in_channels = [64] * len(blocks)
    config.model.masks = {'stride': 4, 'iterations': 1}
    model = MODELS.build(config.model)
    texts = model.cam_head.text
    texts.set_vectors(torch.randn_like(texts.vectors))
    if head.get('classifier') == 'prototypes':
        model.decode_head.set_prototypes(torch.randn_like(texts.vectors))
    return config, model


@pytest.mark.parametrize('path', NETWORKS)
def test_a_config_learns_and_predicts(path):
    config, model = build(path)
    classes = model.cam_head.num_classes
    image = torch.randint(0, 256, (3, 64, 80), dtype=torch.uint8)
    sample = SegDataSample(metainfo={'img_path': 'a.jpg'})
    sample.gt_label = LabelData(multi_hot=(torch.arange(classes) < 2).float())
    data = {'inputs': [image, image], 'data_samples': [sample, sample.clone()]}
    losses = model(**model.data_preprocessor(data, training=True), mode='loss')
    wanted = {'decode.loss_balanced_ce', 'decode.acc_seg', 'loss_affinity'}
    wanted |= {'loss_self'} if 'cpal' in path else set()
    wanted |= {'decode.loss_rsc'} if 'prototypes' in path else set()
    assert losses.keys() == wanted
    model.parse_losses(losses)[0].backward()
    learning = {name for name, p in model.named_parameters() if p.grad is not None}
    assert learning == {n for n, _ in model.named_parameters() if n.startswith('decode_head.')}
    with torch.no_grad():
        scores = model.eval()(torch.rand(1, 3, 32, 48), mode='tensor')
    assert scores.shape == (1, classes + 1, 2, 3)
    assert MODELS.build({**config.tta_model, 'module': model}).crf == CLIP_ES_CRF
    for hook in config.custom_hooks:
        HOOKS.build(hook)


@pytest.mark.parametrize('path', NETWORKS)
def test_no_mask_is_in_a_training(path):
    config = load_config(CONFIGS / path)
    for loader in (config.train_dataloader, config.seed_dataloader):
        assert loader.dataset.type == 'mmwsss.ImageLabelDataset'
        assert not loader.dataset.get('mask_dir') and not loader.dataset.get('load_masks')
        assert 'LoadAnnotations' not in repr(loader.dataset.pipeline)
        assert 'annotations' not in repr(loader.dataset.pipeline)
    assert config.tta_pipeline[1].annotations  # of val


@pytest.mark.parametrize('path', RUNS)
def test_one_stage_learns_and_its_masks_need_no_threshold(path, tmp_path):
    config = load_config(CONFIGS / path)
    stages = build_stages(config)
    workspace = Workspace(config, tmp_path, stages)
    learning = [name for name, stage in stages.items() if type(stage).__name__ == 'Train']
    assert learning == (['vision', 'decoder'] if 'vpl' in path else ['segmentor'])
    network = stages[learning[-1]].network_config(workspace)
    assert network.model.type == 'mmwsss.OneStageSegmentor'
    assert not network.train_dataloader.dataset.get('mask_dir')
    assert stages['test'].model == stages['seeds'].model == learning[-1]
    masks = stages['pseudo_masks']
    check_own_background('pseudo_masks', 'bg_threshold', masks.source, masks.seeds, workspace)
    assert stages['seeds'].seed_sources(workspace) == ('cam',)


def test_the_decoder_refines_in_the_second_half():
    for path in NETWORKS:
        config = load_config(CONFIGS / path)
        epochs = config.train_cfg.max_epochs
        (hook,) = [h for h in config.custom_hooks if h['type'].endswith('AffinityRefinementHook')]
        assert epochs / 2 <= hook['epoch'] < epochs / 2 + 1
        assert [part.end for part in config.param_scheduler] == [50, epochs]
    voc = load_config(CONFIGS / 'one_stage/one_stage_voc.py')
    assert 11 * (10582 // voc.total_batch_size) == pytest.approx(30000, rel=0.04)


def test_prototypes_of_vpl_are_fitted_by_the_same_clip(tmp_path):
    options = {'model.backbone.model_name': None, 'model.backbone.pretrained': 'own.pt'}
    config = load_config(CONFIGS / 'one_stage/one_stage_vpl_voc.py', options)
    stages = build_stages(config)
    workspace = Workspace(config, tmp_path, stages)
    folder = workspace.folder('vision')
    folder.mkdir(parents=True)
    (folder / 'last_checkpoint').write_text('epoch_1.pth')
    (folder / 'epoch_1.pth').touch()
    ready = stages['decoder'].ready_config(workspace).model
    assert (ready.backbone.model_name, ready.backbone.pretrained) == (None, 'own.pt')
    assert ready.decode_head.prototypes.checkpoint == str(folder / 'epoch_1.pth')
