"""What other files are made of a track."""

from __future__ import annotations

from autodj.settings import parsers
from autodj.settings.catalogue.setting import Section, Setting

RENDITIONS = Section(
    "Renditions",
    (
        Setting(
            "RENDITIONS",
            "auto: made of what browsers do not play well as it is; always: of everything "
            "above the bit rate as well; never",
            "auto",
            parsers.one_of("auto", "always", "never"),
        ),
        Setting(
            "RENDITION_FORMAT",
            "what is coded for playback and previews: aac (in M4A) or mp3",
            "aac",
            parsers.one_of("aac", "mp3"),
        ),
        Setting(
            "RENDITION_BITRATE_BPS",
            "bits a second of what is coded for playback, in stereo; mono gets half",
            "256000",
            parsers.whole(32_000, 320_000),
        ),
        Setting(
            "RENDITION_LOSSLESS",
            "true: lossless originals that are not FLAC are kept as FLAC beside",
            "true",
            parsers.boolean,
        ),
        Setting(
            "PREVIEW_S",
            "seconds of a preview; 0 makes none",
            "30",
            parsers.whole(0, 300),
        ),
        Setting(
            "PREVIEW_BITRATE_BPS",
            "bits a second of a preview, in stereo",
            "128000",
            parsers.whole(32_000, 320_000),
        ),
        Setting(
            "RENDER_TIMEOUT_S",
            "seconds one rendition may take before its sandbox is killed",
            "1800",
            parsers.whole(5, 6 * 3600),
        ),
    ),
)
