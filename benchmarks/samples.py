"""What several benchmarks look at."""

import cv2
import numpy as np

SIZE = (375, 500)  # of a usual photograph of VOC


def smooth_noise(rng, channels, sigma=15):
    """Return smooth maps that fill [0, 1], ``(H, W, channels)`` float32."""
    noise = rng.random((*SIZE, channels), dtype=np.float32)
    maps = cv2.GaussianBlur(noise, (0, 0), sigma).reshape(*SIZE, channels)
    maps -= maps.min(axis=(0, 1))
    return maps / maps.max(axis=(0, 1))
