"""A picture of an analysis: waveform in three bands, beats, bars, sections and cues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from PIL import Image, ImageDraw, ImageFont

from autodj.audio.facts import Analysis, Waveform
from autodj.cli.words import clock, printable

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

WIDTH, HEIGHT = 1600, 760
_MARGIN = 24
_BACK: Colour = (18, 20, 26)
_TEXT: Colour = (226, 228, 234)
_DIM: Colour = (130, 136, 150)
_DOWNBEAT: Colour = (255, 88, 88)
_BEAT: Colour = (210, 214, 224)
_CUE: Colour = (255, 214, 64)
_BANDS: Sequence[tuple[str, Colour]] = (
    ("low", (44, 96, 214)),
    ("mid", (236, 142, 44)),
    ("high", (240, 240, 240)),
)
_SECTIONS: dict[str, Colour] = {
    "intro": (70, 108, 132),
    "main": (58, 132, 92),
    "drop": (178, 66, 84),
    "break": (118, 88, 160),
    "outro": (112, 100, 74),
    "hidden": (58, 62, 74),
}
_CLOSE_UP_S = 16.0
_LEAST_BEAT_PX, _LEAST_BAR_PX, _NUMBERED_BAR_PX = 5.0, 3.0, 40.0
_CUE_ROWS = 3
_AXIS_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800)


@dataclass(frozen=True, slots=True)
class Panel:
    """A stretch of time, ``start_s`` to ``stop_s``, over the picture's width between two
    heights in pixels.
    """

    start_s: float
    stop_s: float
    top: int
    bottom: int

    @property
    def px_per_s(self) -> float:
        return (WIDTH - 2 * _MARGIN) / max(self.stop_s - self.start_s, 1e-6)

    def x(self, at_s: float) -> float:
        return _MARGIN + (at_s - self.start_s) * self.px_per_s

    def within(self, times_s: Sequence[float]) -> list[float]:
        return [each for each in times_s if self.start_s <= each <= self.stop_s]


def draw_analysis(analysis: Analysis, *, title: str) -> Image.Image:
    """1600 x 760 pixels: the whole track above, sixteen seconds of it below."""
    image = Image.new("RGB", (WIDTH, HEIGHT), _BACK)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(22)
    draw.text((_MARGIN, 12), _fitting(draw, printable(title), font), fill=_TEXT, font=font)
    draw.text((_MARGIN, 40), _headline(analysis), fill=_DIM, font=ImageFont.load_default(16))
    whole = Panel(0.0, analysis.duration_s, 110, 350)
    _sections(draw, analysis, Panel(0.0, analysis.duration_s, 358, 384))
    _track(draw, analysis, whole)
    _cues(draw, analysis, whole)
    _axis(draw, whole, 388)
    start_s = _close_up_start_s(analysis)
    stop_s = min(start_s + _CLOSE_UP_S, analysis.duration_s)
    close_up = Panel(start_s, stop_s, 460, 710)
    about = f"{clock(start_s)} to {clock(stop_s)}"
    draw.text((_MARGIN, 414), about, fill=_DIM, font=ImageFont.load_default(14))
    _track(draw, analysis, close_up)
    _axis(draw, close_up, 716)
    return image


def _fitting(draw: ImageDraw.ImageDraw, text: str, font: Font) -> str:
    """As much of it as has room in a line."""
    while draw.textlength(text, font=font) > WIDTH - 2 * _MARGIN:
        text = f"{text[:-2]}…"
    return text


def _headline(analysis: Analysis) -> str:
    tempo = "no tempo" if analysis.bpm is None else f"{analysis.bpm:.3f} BPM, {analysis.grid}"
    key = "no key" if analysis.key is None else f"{analysis.key} ({analysis.camelot})"
    lufs = analysis.integrated_lufs
    unknown = "silent" if analysis.true_peak_dbtp is None else "no loudness"
    loudness = unknown if lufs is None else f"{lufs:.1f} LUFS"
    metre = "" if analysis.metre is None else f", {analysis.metre} beats a bar"
    energy = "" if analysis.energy is None else f"    energy {analysis.energy}"
    return f"{tempo}{metre}    {key}    {loudness}{energy}    {clock(analysis.duration_s)}"


def _close_up_start_s(analysis: Analysis) -> float:
    """The drop, else where the intro ends, else a third of the way in."""
    cues = analysis.cues
    wanted = next(
        (each for each in (cues.drop, cues.intro_end) if each is not None), analysis.duration_s / 3
    )
    return max(0.0, min(wanted - 2.0, analysis.duration_s - _CLOSE_UP_S))


def _track(draw: ImageDraw.ImageDraw, analysis: Analysis, panel: Panel) -> None:
    """Waveform, with the beats as ticks above and below where they are far enough apart."""
    _waveform(draw, analysis.waveform, panel)
    beats = panel.within(analysis.beats_s)
    if analysis.bpm and panel.px_per_s * 60 / analysis.bpm >= _LEAST_BEAT_PX:
        _ticks(draw, panel, beats, _BEAT, length=8)
    downbeats = panel.within(analysis.downbeats_s)
    bar_px = _spacing_px(panel, downbeats)
    if bar_px >= _LEAST_BAR_PX:
        _ticks(draw, panel, downbeats, _DOWNBEAT, length=14)
    if bar_px >= _NUMBERED_BAR_PX:
        for at_s in downbeats:
            number = str(analysis.downbeats_s.index(at_s) + 1)
            place = (panel.x(at_s) + 3, panel.top - 18)
            draw.text(place, number, fill=_DIM, font=ImageFont.load_default(12))


def _spacing_px(panel: Panel, times_s: Sequence[float]) -> float:
    """From one to the next, on average; that of none is the whole panel."""
    if len(times_s) < 2:
        return panel.px_per_s * (panel.stop_s - panel.start_s)
    return panel.px_per_s * (times_s[-1] - times_s[0]) / (len(times_s) - 1)


def _waveform(draw: ImageDraw.ImageDraw, waveform: Waveform, panel: Panel) -> None:
    """Each column as high as its peak, split by the shares of the three bands."""
    middle = (panel.top + panel.bottom) / 2
    reach = (panel.bottom - panel.top) / 2 - 16
    for column in range(_MARGIN, WIDTH - _MARGIN):
        first_s = panel.start_s + (column - _MARGIN) / panel.px_per_s
        first = int(first_s * waveform.points_per_s)
        stop = max(first + 1, int((first_s + 1 / panel.px_per_s) * waveform.points_per_s))
        peak = max(waveform.peak[first:stop], default=0) / 255
        levels = [max(getattr(waveform, band)[first:stop], default=0) for band, _ in _BANDS]
        total = sum(levels) or 1
        height = peak * reach
        for index, (_, colour) in enumerate(_BANDS):
            tall = height * sum(levels[index:]) / total
            draw.line([(column, middle - tall), (column, middle + tall)], fill=colour)


def _ticks(
    draw: ImageDraw.ImageDraw,
    panel: Panel,
    times_s: Sequence[float],
    colour: Colour,
    *,
    length: int,
) -> None:
    for at_s in times_s:
        x = panel.x(at_s)
        draw.line([(x, panel.top), (x, panel.top + length)], fill=colour)
        draw.line([(x, panel.bottom - length), (x, panel.bottom)], fill=colour)


def _sections(draw: ImageDraw.ImageDraw, analysis: Analysis, panel: Panel) -> None:
    stops_s = [*(each.start_s for each in analysis.sections[1:]), analysis.duration_s]
    font = ImageFont.load_default(14)
    for section, stop_s in zip(analysis.sections, stops_s, strict=False):
        left, right = panel.x(section.start_s), panel.x(stop_s) - 2
        colour = _SECTIONS.get(section.label, _DIM)
        draw.rectangle([left, panel.top, max(right, left), panel.bottom], fill=colour)
        if right - left > draw.textlength(section.label, font=font) + 8:
            draw.text((left + 5, panel.top + 4), section.label, fill=_TEXT, font=font)


def _cues(draw: ImageDraw.ImageDraw, analysis: Analysis, panel: Panel) -> None:
    """A line down the waveform with its name on top; names that would touch go higher."""
    font = ImageFont.load_default(12)
    free_from = [0.0] * _CUE_ROWS
    for name, at_s in asdict(analysis.cues).items():
        if at_s is None:
            continue
        x, label = panel.x(at_s), name.replace("_", " ")
        width = draw.textlength(label, font=font)
        draw.line([(x, panel.top - 6), (x, panel.bottom)], fill=_CUE)
        row = min(range(_CUE_ROWS), key=lambda each: max(free_from[each], x + 3))
        left = min(max(free_from[row], x + 3), WIDTH - _MARGIN - width)
        draw.text((left, panel.top - 20 - 14 * row), label, fill=_CUE, font=font)
        free_from[row] = left + width + 8


def _axis(draw: ImageDraw.ImageDraw, panel: Panel, top: int) -> None:
    length_s = panel.stop_s - panel.start_s
    step_s = next((each for each in _AXIS_STEPS_S if length_s / each <= 16), _AXIS_STEPS_S[-1])
    at_s = -(-panel.start_s // step_s) * step_s
    while at_s <= panel.stop_s:
        x = panel.x(at_s)
        draw.line([(x, top), (x, top + 4)], fill=_DIM)
        if x < WIDTH - _MARGIN - 40:  # the last label would leave the picture
            draw.text((x + 3, top + 2), clock(at_s), fill=_DIM, font=ImageFont.load_default(12))
        at_s += step_s
