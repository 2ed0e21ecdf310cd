"""A cover for a demo piece: a low sun and its light on the water, drawn from a seed."""

from __future__ import annotations

import colorsys
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE_PX = 640
_HORIZON = 0.62


def draw_cover(seed: int) -> bytes:
    """A PNG of 640 x 640 pixels; the same seed draws the same picture."""
    random = np.random.default_rng(seed)
    hue, sun_x, radius = random.uniform((0.0, 0.25, 0.13), (1.0, 0.75, 0.2))
    sky = _sky(hue, sun_x, radius)
    rows = round(_HORIZON * SIDE_PX)
    picture = np.concatenate([sky, _reflection(sky, SIDE_PX - rows, random.uniform(0, 6))])
    png = io.BytesIO()
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(png, "PNG")
    return png.getvalue()


def _sky(hue: float, sun_x: float, radius: float) -> NDArray[np.float64]:
    """A gradient towards the horizon with a glowing disc on it."""
    y, x = np.mgrid[0 : round(_HORIZON * SIDE_PX), 0:SIDE_PX] / SIDE_PX
    picture = _blend(_colour(hue, 0.8, 0.18), _colour(hue + 0.09, 0.7, 0.62), y / _HORIZON)
    distance = np.hypot(x - sun_x, y - _HORIZON + 0.35 * radius)
    glow = 0.75 * np.exp(-np.maximum(distance - radius, 0) / 0.16)
    picture = _blend(picture, _colour(hue + 0.17, 0.65, 0.95), glow)
    disc = np.clip((radius - distance) * SIDE_PX, 0, 1)
    return _blend(picture, _colour(hue + 0.22, 0.35, 1.0), disc)


def _reflection(sky: NDArray[np.float64], rows: int, phase: float) -> NDArray[np.float64]:
    """The sky upside down, darker and drawn apart by waves that grow towards the viewer."""
    depth = np.arange(rows)[:, None] / rows
    column = np.arange(SIDE_PX)[None, :]
    wave = np.sin(60 * np.sqrt(depth) + phase + column / 90) * (2 + 26 * depth)
    from_row = sky.shape[0] - 1 - np.arange(rows)[:, None] + np.zeros_like(column)
    from_column = np.clip(column + wave, 0, SIDE_PX - 1).astype(int)
    return np.asarray(sky[from_row, from_column] * (0.8 - 0.35 * depth[..., None]))


def _colour(hue: float, saturation: float, value: float) -> NDArray[np.float64]:
    return 255 * np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value))


def _blend(
    under: NDArray[np.float64], over: NDArray[np.float64], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``over`` drawn on ``under`` with an opacity for each pixel."""
    opacity = share[..., None]
    return under * (1 - opacity) + over * opacity
