"""The configuration file of baskets, read and laid over the settings of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autodj.settings.baskets import Baskets, Kind
from autodj.settings.interpolation import interpolated
from autodj.settings.storage.base import base_of
from autodj.settings.storage.section import baskets_of

if TYPE_CHECKING:
    from autodj.settings.model import Settings


def with_storage_file(
    settings: Settings, file: Path, environ: Mapping[str, str], faults: list[str]
) -> Settings:
    """The settings with the file's baskets; tracks go where the file says."""
    tree = read_tree(file, environ, faults)
    if not isinstance(tree, dict) or set(tree) != {"storage"}:
        faults.append("STORAGE_CONFIG must hold one section, storage")
        return settings
    return with_baskets(settings, baskets_of(tree["storage"], base_of(settings), faults))


def with_baskets(settings: Settings, baskets: Baskets) -> Settings:
    """Whatever asks for the bucket of the tracks finds that of their basket."""
    tracks = baskets.of(Kind.TRACKS)
    settings = replace(settings, baskets=baskets, publish_to=tracks.type)
    if tracks.max_object_bytes is not None:
        # What could not be published is refused when it comes.
        most_bytes = min(settings.limits.max_track_bytes, tracks.max_object_bytes)
        settings = replace(settings, limits=replace(settings.limits, max_track_bytes=most_bytes))
    if tracks.root is not None:
        settings = replace(settings, media_root=tracks.root)
    if tracks.s3 is not None:
        settings = replace(settings, s3=tracks.s3)
    if tracks.cdn_origin is not None:
        settings = replace(settings, cdn=replace(settings.cdn, origin=tracks.cdn_origin))
    return settings


def read_tree(file: Path, environ: Mapping[str, str], faults: list[str]) -> object:
    """The file as plain values, its references filled in."""
    import yaml  # noqa: PLC0415 - only those with such a file pay for it

    try:
        text = file.read_text("utf-8")
        twice = _lines_said_twice(yaml.compose(text, yaml.SafeLoader))
        faults += [f"STORAGE_CONFIG says a name twice (line {line})" for line in twice]
        return interpolated(yaml.safe_load(text), environ, faults)
    except (OSError, UnicodeDecodeError):
        faults.append("STORAGE_CONFIG names a file that cannot be read")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        faults.append(f"STORAGE_CONFIG is no YAML{line}")
    return None


def _lines_said_twice(node: Any) -> list[int]:  # noqa: ANN401 - the library is untyped
    """Where a mapping has a name again, which YAML forbids and its reader lets pass."""
    if not node or isinstance(node.value, str):
        return []
    if node.id == "sequence":
        return [line for each in node.value for line in _lines_said_twice(each)]
    said: set[str] = set()
    lines: list[int] = []
    for name, each in node.value:
        if str(name.value) in said:
            lines.append(name.start_mark.line + 1)
        said.add(str(name.value))
        lines += _lines_said_twice(each)
    return lines
