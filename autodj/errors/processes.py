"""A process of ours that cannot start, or cannot go on."""

from __future__ import annotations

from collections.abc import Sequence

from autodj.errors.base import AutodjError


class SandboxError(AutodjError):
    """The decoding child broke for a reason that is ours, not the file's."""

    code = "sandbox_failed"
    title = "The decoder could not run"
    transient = True


class SettingsError(AutodjError):
    """The process refuses to start; every fault is listed at once."""

    code = "settings"
    title = "The settings cannot be used"

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(faults))


class StorageConfigError(SettingsError, ValueError):
    """A store cannot be made of what was said of it."""


class CommandError(AutodjError):
    """A command cannot do what was asked; shown as one line."""

    code = "command"
    title = "The command could not be carried out"
