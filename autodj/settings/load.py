"""Environment to frozen settings; every fault is collected, then told at once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from dotenv import dotenv_values

from autodj.errors import SettingsError
from autodj.settings.catalogue import SETTINGS, Setting
from autodj.settings.concerns import database_url_of, settings_of
from autodj.settings.contradictions import contradictions
from autodj.settings.model import Settings
from autodj.settings.storage.base import Base, base_of
from autodj.settings.storage.file import with_baskets, with_storage_file
from autodj.settings.storage.section import baskets_without_file

SAMPLE_VALUE = re.compile(
    r"(your|my|example|sample)[-_ ].*|.*EXAMPLE(KEY)?|plugs-bucket", re.DOTALL
)
Faults = dict[str, str]


def from_environment() -> Settings:
    """Settings of this process: the environment, over a ``.env`` file in the working folder."""
    return load(environment())


def environment() -> dict[str, str]:
    file = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    return {**file, **os.environ}  # noqa: TID251 - the one place that reads it


def load(environ: Mapping[str, str]) -> Settings:
    """Parse, cross-check and freeze. SettingsError lists every fault; no value is printed."""
    faults: Faults = {}
    values = {setting.name: _read(setting, environ, faults) for setting in SETTINGS}
    settings = settings_of(values)
    settings = _with_storage_file(settings, values["STORAGE_CONFIG"], environ, faults)
    for name, fault in contradictions(settings):
        faults.setdefault(name, f"{name} {fault}")
    if faults:
        raise SettingsError([*faults.values()])
    return settings


def storage_base(environ: Mapping[str, str], told: list[str]) -> Base:
    """What the environment says of stores, for those who use no more of it than that."""
    faults: Faults = {}
    wanted = ("S3_", "AWS_", "AUTODJ_DATA_DIR", "AUTODJ_ENV", "MEDIA_ROOT", "FILE_STORAGE_TYPE")
    chosen = {s.name: environ if s.name.startswith(wanted) else {} for s in SETTINGS}
    ignored: Faults = {}
    values = {
        s.name: _read(s, chosen[s.name], faults if chosen[s.name] is environ else ignored)
        for s in SETTINGS
    }
    told += faults.values()
    return base_of(settings_of(values))


def database_url(environ: Mapping[str, str]) -> str:
    """The database alone, for the release process: it needs no other setting."""
    wanted = {"DATABASE_URL", "AUTODJ_DATA_DIR"}
    faults: Faults = {}
    values = {s.name: _read(s, environ, faults) for s in SETTINGS if s.name in wanted}
    if faults:
        raise SettingsError([*faults.values()])
    return database_url_of(values["DATABASE_URL"], cast("Path", values["AUTODJ_DATA_DIR"]))


def data_dir(environ: Mapping[str, str]) -> Path:
    """The data folder alone, for commands that look for a running server."""
    faults: Faults = {}
    [setting] = [s for s in SETTINGS if s.name == "AUTODJ_DATA_DIR"]
    found = cast("Path", _read(setting, environ, faults))
    if faults:
        raise SettingsError([*faults.values()])
    return found


def _read(setting: Setting, environ: Mapping[str, str], faults: Faults) -> object:
    given = {name: environ[name].strip() for name in setting.names if environ.get(name, "").strip()}
    name, text = next(iter(given.items()), (setting.name, setting.default))
    if len(set(given.values())) > 1:
        fault = f"{' and '.join(given)} disagree; set one of them"
    elif SAMPLE_VALUE.fullmatch(text):
        fault = f"{name} still holds a sample value"
    else:
        try:
            return setting.parse(text)
        except ValueError as error:
            fault = f"{name} {error}"
    faults[setting.name] = fault
    try:
        return setting.parse(setting.default) if setting.default else None
    except ValueError as error:  # nothing can stand in for it
        raise SettingsError([*faults.values()]) from error


def _with_storage_file(
    settings: Settings, file: object, environ: Mapping[str, str], faults: Faults
) -> Settings:
    if file is None:
        return with_baskets(settings, baskets_without_file(base_of(settings)))
    told: list[str] = []
    settings = with_storage_file(settings, cast("Path", file), environ, told)
    for fault in told:
        faults.setdefault(f"STORAGE_CONFIG {fault}", fault)
    return settings
