"""The speed bench times what it says on a file that is what it says."""

from __future__ import annotations

from pathlib import Path

import av

from bench.analysis_speed import Files, run, write_music


def test_music_is_a_stereo_v0_mp3_of_the_asked_length_and_the_floor_is_timed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "music.mp3"
    write_music(path, 3.0)
    with av.open(path) as file:
        stream = file.streams.audio[0]
        frames = list(file.decode(stream))
        assert (stream.channels, stream.rate) == (2, 44100)
    assert sum(frame.samples for frame in frames) >= 3 * 44100
    # V0 of these pieces is well above the 128 kbit/s that the coder takes by default.
    assert path.stat().st_size > 3 * 160_000 / 8
    timed = run("floor", Files(path, path), core=0)
    assert timed.long_cpu_s > 0
    assert timed.peak_bytes > 20e6
