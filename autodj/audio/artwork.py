"""A cover for a demo piece: rings of light over water, drawn from its seed."""

from __future__ import annotations

import colorsys
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE_PX = 640


def draw_cover(seed: int) -> bytes:
    """A PNG of 640 x 640 pixels; the same seed draws the same picture."""
    random = np.random.default_rng(seed)
    hue = seed * 0.137 % 1.0
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX] / SIDE_PX
    picture = _blend(_colour(hue, 0.75, 0.16), _colour(hue + 0.12, 0.6, 0.5), y)
    for _ in range(6):
        centre_x, centre_y, radius = random.uniform((0.1, 0.1, 0.08), (0.9, 0.6, 0.3))
        distance = np.hypot(x - centre_x, y - centre_y)
        ring = np.exp(-np.square((distance - radius) / 0.012)) + 0.25 * (distance < radius)
        picture = _blend(picture, _colour(hue + random.uniform(0.35, 0.6), 0.55, 1.0), 0.6 * ring)
    waves = np.sin(40 * y + 3 * np.sin(7 * x + hue * 9)) * (y > 0.66)
    picture = np.clip(picture + 14 * waves[..., None], 0, 255)
    png = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).quantize(96).save(png, "PNG", optimize=True)
    return png.getvalue()


def _colour(hue: float, saturation: float, value: float) -> tuple[float, ...]:
    return tuple(255 * part for part in colorsys.hsv_to_rgb(hue % 1.0, saturation, value))


def _blend(under: object, over: object, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """``over`` drawn on ``under`` with an opacity for each pixel."""
    opacity = share[..., None]
    return np.asarray(under) * (1 - opacity) + np.asarray(over) * opacity
