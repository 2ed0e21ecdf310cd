"""The key group: public keys in files, read again when the files change."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog

from autodj.cdn.keys import PublicKey, load_public_key
from autodj.errors import CommandError, SettingsError
from autodj.laptop.edge.flights import Flights

log = structlog.get_logger("autodj.edge")

KEY_PAIR_ID: Final = re.compile(r"[A-Z0-9]{8,32}")


class KeyGroup:
    """Keys by key pair id: those of ``files``, those of every ``ID.pem`` in ``folder``, and
    ``given`` ones that never change.

    CommandError when they cannot be read at first. Later a group that cannot be read leaves
    the one before it in force: a half-written file must not refuse everybody.
    """

    def __init__(
        self,
        files: Mapping[str, Path] | None = None,
        folder: Path | None = None,
        given: Mapping[str, PublicKey] | None = None,
    ) -> None:
        self._files = dict(files or {})
        self._folder = folder
        self._given = dict(given or {})
        self._looks = Flights[Mapping[str, PublicKey]]()
        try:
            self._seen = self._look()
            self._keys = self._read()
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from error

    async def current(self) -> Mapping[str, PublicKey]:
        """As ``keys``, beside the event loop: the files may be on a disk that does not answer.
        However many ask at the same time, one thread looks.
        """
        if not self._files and self._folder is None:
            return self._keys
        return await self._looks.share("keys", lambda: asyncio.to_thread(self.keys))

    def keys(self) -> Mapping[str, PublicKey]:
        """The keys that signatures are checked with now."""
        try:
            seen = self._look()
            if seen != self._seen:
                self._seen = seen
                self._renew()
        except OSError as error:
            log.warning("edge_keys_unreadable", reason=str(error))
        return self._keys

    def reload(self) -> None:
        """Read the files again, changed or not."""
        try:
            self._renew()
        except OSError as error:
            log.warning("edge_keys_unreadable", reason=str(error))

    def _renew(self) -> None:
        try:
            self._keys = self._read()
        except CommandError as error:
            log.warning("edge_keys_unreadable", reason=error.detail)
        else:
            log.info("edge_keys_loaded", ids=[*self._keys])

    def _all_files(self) -> dict[str, Path]:
        # No glob: it takes a folder that is gone for an empty one.
        there = sorted(self._folder.iterdir()) if self._folder else []
        found = (file for file in there if file.suffix == ".pem")
        return {**{file.stem: file for file in found}, **self._files}

    def _look(self) -> dict[str, tuple[int, int]]:
        """What changes when a file does."""
        stats = {key_pair_id: file.stat() for key_pair_id, file in self._all_files().items()}
        return {each: (stat.st_mtime_ns, stat.st_size) for each, stat in stats.items()}

    def _read(self) -> dict[str, PublicKey]:
        keys = dict(self._given)
        for key_pair_id, file in self._all_files().items():
            if not KEY_PAIR_ID.fullmatch(key_pair_id):
                raise CommandError(
                    f"{key_pair_id} is not a key pair id",
                    hint="Name it as CloudFront does: 8 to 32 of A-Z and 0-9.",
                )
            try:
                keys[key_pair_id] = load_public_key(file.read_text("ascii", "replace"))
            except SettingsError as error:
                raise CommandError(
                    f"{file} is not a public key that CloudFront takes",
                    hint="It takes the PEM of an RSA 2048 or ECDSA P-256 public key.",
                ) from error
        return keys
