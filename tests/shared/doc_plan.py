"""What a document needs to be run, and which of its blocks are not."""

from dataclasses import dataclass

# blocks that cannot be run here: page and first line -> reason
NOT_RUN = {
    (
        'CONTRIBUTING.md',
        'bash tools/run_mutations.sh mmwsss/functional/cpal.py',
    ): 'needs minutes: it measures',
    ('docs/installation.md', 'python3 -m venv .venv'): 'needs a package index',
    (
        'docs/own_images.md',
        'mmwsss export work_dirs/mine --to onnx',
    ): 'needs a minute: tests/long exports these networks',
    ('docs/backbones.md', 'python benchmarks/backbones.py'): 'needs minutes: it measures',
    ('docs/methods/clip_es.md', 'python benchmarks/clip_es.py'): 'needs minutes: it measures',
    ('docs/speed.md', 'python benchmarks/all.py'): 'needs minutes: it measures',
    ('docs/methods/segments.md', 'pip install segment-anything'): 'needs the weights of SAM',
    ('docs/methods/vpl.md', 'python benchmarks/vision_prototypes.py'): 'needs minutes: it measures',
}


@dataclass(frozen=True)
class Plan:
    """What is there before a document is read.

    Attributes:
        data: Data sets, as in `doc_tree.DATA`.
        weights: Released files, as in `doc_tree.WEIGHTS`.
        before: Lines of bash: what the document says has been done.
        made: What its blocks leave, as patterns of paths.
        long: It takes more than seconds, and is run by `tools/run_long_tests.sh`.
    """

    data: tuple[str, ...] = ('voc',)
    weights: tuple[str, ...] = ()
    before: str = ''
    made: tuple[str, ...] = ()
    long: bool = True


TOY_SCENES = 'python tools/make_toy_scenes.py data/toy_scenes --train 120 --val 30\n'
TOY_200 = 'python tools/make_toy_scenes.py work_dirs/toy_200/toy_scenes --train 200 --val 50\n'
PLANS = {
    'README.md': Plan(
        made=('work_dirs/quickstart/report.html', 'work_dirs/irn_cpal_voc/test/done.json')
    ),
    'CONTRIBUTING.md': Plan(),
    'docs/speed.md': Plan(
        data=(), before=TOY_SCENES, made=('work_dirs/irn_cpal_toy/seed_scores/done.json',)
    ),
    'docs/installation.md': Plan(made=('work_dirs/quickstart/report.html',)),
    'docs/first_run.md': Plan(
        data=('voc', 'voc_mini', 'coco', 'coco_mini'),
        before='rm data/VOCdevkit/VOC2012/image_labels.json '
        'data/VOCdevkit/VOC2012/ImageSets/Segmentation/trainaug.txt',
        made=(
            'work_dirs/voc_mini.html',
            'work_dirs/irn_and_cpal.html',
            'work_dirs/irn_cpal_coco/test/done.json',
            'work_dirs/by_hand/predictions/*.png',
        ),
    ),
    'docs/own_images.md': Plan(
        data=('own',),
        made=(
            'predictions/photo.png',
            'predictions/overlays/garden_01.jpg',
            'predictions/areas.json',
            'work_dirs/mine/exported/labelme/garden_01.json',
            'work_dirs/mine/report.html',
            'masks.html',
        ),
        long=False,
    ),
    'docs/toy_scenes.md': Plan(data=(), made=('data/toy_scenes/settings.json',), long=False),
    'docs/commands.md': Plan(data=()),
    'docs/configs.md': Plan(),
    'docs/backbones.md': Plan(
        data=(),
        before=TOY_SCENES,
        made=('work_dirs/irn_cpal_toy_efficientnet_lite1/seed_scores/done.json',),
    ),
    'docs/add_a_method.md': Plan(
        data=(),
        made=(
            'work_dirs/max_pooling_toy/mask_scores/done.json',
            'work_dirs/clean_toy/clean_masks/masks/*.png',
            'work_dirs/clean_toy/report.html',
        ),
        long=False,
    ),
    'docs/methods/irn.md': Plan(
        data=('voc', 'voc_mini'),
        weights=('res50_cam.pth', 'res50_irn.pth'),
        before=TOY_SCENES + 'python tools/run_pipeline.py configs/irn/irn_voc.py --until seeds',
    ),
    'docs/methods/amn.md': Plan(
        weights=('res50_cam.pth', 'res50_amn.pth'), before=TOY_SCENES + TOY_200
    ),
    'docs/methods/mctformer.md': Plan(
        data=('voc', 'voc_mini'),
        weights=('checkpoint.pth', 'deit_small_patch16_224.pth'),
        before=TOY_SCENES + TOY_200,
    ),
    'docs/methods/sipe.md': Plan(
        data=('voc', 'coco'),
        weights=('final.pth',),
        before=TOY_SCENES + 'python tools/dataset_converters/coco.py data/coco2014',
    ),
    'docs/methods/clip_es.md': Plan(weights=('ViT-B-16.pt',), before=TOY_SCENES),
    'docs/methods/cpal.md': Plan(
        data=('voc', 'voc_mini', 'voc_photos', 'coco_mini'),
        before=TOY_SCENES + 'python tools/dataset_converters/coco.py data/coco_mini',
    ),
    'docs/methods/cpf_cte.md': Plan(
        data=('voc', 'voc_mini'),
        weights=('vit_base_patch16_384.safetensors',),
        before=TOY_SCENES + TOY_200,
    ),
    'docs/methods/vpl.md': Plan(before=TOY_SCENES + TOY_200 + 'python tools/train_toy_clip.py'),
    'docs/methods/one_stage.md': Plan(
        before=TOY_SCENES + TOY_200 + 'python tools/train_toy_clip.py'
    ),
    'docs/methods/patch_affinity.md': Plan(data=(), long=False),
    'docs/methods/segments.md': Plan(
        data=('voc_photos',),
        before=TOY_SCENES
        + 'python tools/run_pipeline.py configs/quickstart/irn_toy.py --until seeds',
        made=('work_dirs/voted/*.png', 'work_dirs/superpixels/*.png'),
    ),
    'docs/methods/deeplabv2.md': Plan(
        weights=('IN.pth',),
        before='python tools/run_pipeline.py configs/cpal/irn_cpal_voc.py --until pseudo_masks',
        made=('work_dirs/segmentor/test/results.tar.gz',),
    ),
}
