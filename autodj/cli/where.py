"""Which installation a command speaks of: a server that is named, the one running here, or
what the environment describes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from autodj.cli.running import find_running
from autodj.errors import CommandError
from autodj.laptop.keys import laptop_keys
from autodj.settings import Settings, data_dir, environment, load
from autodj.settings.parsers import expanded
from autodj.users.tokens import Audience, issue

TOKEN_TTL_S = 86400
_TOKEN: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Server:
    """Where to send requests, and the bearer token that goes with them."""

    url: str
    token: str = field(repr=False)


def chosen_folder(given: Path | None) -> Path:
    """The absolute data folder: the option's, else that of the environment."""
    return expanded(given).absolute() if given else usual_folder()


def usual_folder() -> Path:
    """The data folder that commands speak of when none is named."""
    return data_dir(environment())


def find_server(url: str | None, token: str | None, given: Path | None) -> Server:
    """The server that was named with its token, else the one that runs on the data folder."""
    if url is not None:
        if not _is_origin(url):
            raise CommandError(f"{url} is not the address of a server", hint=_ADDRESS)
        if not token:
            raise CommandError(
                f"{url} wants to know who you are",
                hint="Give --token; `autodj token` prints one on that server.",
            )
        return Server(url.rstrip("/"), _checked(token))
    folder = chosen_folder(given)
    running = find_running(folder)
    if running is None:
        raise CommandError(
            f"No autodj is running on {folder}",
            hint="Start it with `autodj up`, or name another with --server URL --token TOKEN.",
        )
    if token:
        return Server(running.url, _checked(token))
    return Server(running.url, own_token(load(running.environment), running.user_id))


def own_token(settings: Settings, user_id: UUID, *, ttl_s: int = TOKEN_TTL_S) -> str:
    """A bearer token that the holder of the secret may make for anybody."""
    return issue(settings.secret, user_id, Audience.API, now=datetime.now(UTC), ttl_s=ttl_s)


def described(given: Path | None) -> Settings:
    """The settings of the server that runs here, else those that the environment describes."""
    return load(told_environment(given))


def told_environment(given: Path | None) -> Mapping[str, str]:
    """The same as variables, not yet checked."""
    folder = chosen_folder(given)
    running = find_running(folder)
    if running is not None:
        return running.environment
    environ = {**environment(), "AUTODJ_DATA_DIR": str(folder)}
    if not environ.get("AUTODJ_SECRET") and (folder / "keys.json").exists():
        environ["AUTODJ_SECRET"] = laptop_keys(folder).app_secret
    return environ


def _is_origin(url: str) -> bool:
    """Whether this is scheme, host and port, and nothing that a request would have to carry."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")
        plain = not (parts.username or parts.path.strip("/") or parts.query or parts.fragment)
        return parts.scheme in {"http", "https"} and bool(host) and parts.port != 0 and plain
    except ValueError:
        return False


def _checked(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise CommandError(
            "The token holds a blank or a sign that no token has",
            hint="`autodj token` prints one on that server; give it whole, and nothing else.",
        )
    return token


_ADDRESS = "Write it as http://127.0.0.1:8000 or https://dj.example.org."
