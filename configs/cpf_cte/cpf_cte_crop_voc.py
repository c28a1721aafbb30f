# CPF-CTE trained on random crops of 384 pixels with their aspect kept, instead of stretched images.
_base_ = ['./cpf_cte_voc.py']
train_pipeline = [
    _base_.load,
    # the long side is drawn evenly from 320..640, as IRN does
    dict(type='mmwsss.RandomView', size=640, ratio_range=(0.5, 641 / 640), crop_size=384),
    _base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
