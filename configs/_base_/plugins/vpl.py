# VPL's first phase, to be plugged into CLIP-ES, with ../schedules/collect.py:
#   model = dict(cam_head=dict(text=_base_.vpl_text, prototypes=_base_.vpl_prototypes))
#   custom_hooks = _base_.custom_hooks + _base_.vpl_hooks
#   stages = _base_.vpl_stages
vpl_text = dict(templates='template_vpl')
vpl_prototypes = dict(type='mmwsss.VisionPrototypes', num_background=25)
vpl_hooks = [dict(type='mmwsss.VisionPrototypeHook')]
# each image once, in any number of processes
vpl_train_dataloader = dict(sampler=dict(round_up=False))
vpl_stages = dict(
    vision=dict(type='Train'),
    seeds=dict(model='vision'),
    decoder=dict(type='Train', masks='pseudo_masks', prototypes='vision',
                 config='configs/vpl/vpl_decoder_voc.py'),
    segmentor=None,  # the decoder is one
    test=dict(model='decoder'),
)
