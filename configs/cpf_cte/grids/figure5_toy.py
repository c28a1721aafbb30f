# figure5.py for toy scenes, whose chosen value is 15 (240 pixels).
grid = {
    f'{side // 16} x {side // 16} patches': {
        'tta_pipeline.1.size': (side, side),
        'seed_dataloader.dataset.pipeline.1.size': (side, side),
    }
    for side in (160, 192, 240, 320)
}
