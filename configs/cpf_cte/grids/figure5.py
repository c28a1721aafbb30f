# CPF-CTE Figure 5, "different patch values": we read it as the patches per side at inference, whose
# chosen value is 60 (960 pixels). The other values are ours.
grid = {
    f'{side // 16} x {side // 16} patches': {
        'tta_pipeline.1.size': (side, side),
        'seed_dataloader.dataset.pipeline.1.size': (side, side),
    }
    for side in (384, 480, 640, 800, 960)
}
