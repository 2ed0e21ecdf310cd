"""Whose keys requests to S3 are signed with.

In this order: keys of the config, of the environment, of a profile, of a web identity, of the
container (ECS, EKS), of the machine (EC2). When a role is configured, it is assumed with the keys
so found. All but plain keys are renewed by themselves before they expire.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal

from aiobotocore.credentials import (
    AioAssumeRoleCredentialFetcher,
    AioCredentials,
    AioDeferredRefreshableCredentials,
)
from aiobotocore.session import AioSession

from autodj.errors import StoreCredentials
from autodj.storage.s3.config import S3Config
from autodj.storage.s3.faults import store_errors

Keys = Any  # the client's own credentials, plain or renewable: it ships without types
Source = Literal[
    "config", "environment", "profile", "web identity", "container role", "instance role"
]

MACHINE: Final[Mapping[str, Source]] = {
    "assume-role-with-web-identity": "web identity",
    "container-role": "container role",
    "iam-role": "instance role",
}
_TAIL: Final = 4
_ENVIRONMENT: Final = "env"


@dataclass(frozen=True, slots=True)
class CredentialsFound:
    """``key_tail`` is the end of the key's id, ``role_arn`` the role assumed with the source's
    keys; ``expires_at`` is None for keys that do not expire.
    """

    source: Source
    key_tail: str
    role_arn: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Signing:
    """The keys to sign with, and those of the source: others where a role is assumed."""

    keys: Keys
    base: Keys


class CredentialChain:
    """What the client asks for keys, in place of its own chain."""

    def __init__(self, config: S3Config, session: AioSession) -> None:
        self._config = config
        self._session = session
        self._own_chain = session.get_component("credential_provider")
        self._nowhere = False

    async def load_credentials(self) -> Keys | None:
        """The keys to sign with; None when there are none anywhere. That is found out once, for a
        machine without a role may be seconds in saying so; the session remembers what there is.
        """
        found = None if self._nowhere else await self.find()
        self._nowhere = found is None
        return None if found is None else found.keys

    async def find(self) -> _Signing | None:
        base = await self._first()
        if base is None:
            return None
        if self._config.role_arn is None or source_of(base, self._config) == "web identity":
            return _Signing(base, base)
        return _Signing(self._assumed(base, self._config.role_arn), base)

    def _assumed(self, base: Keys, role_arn: str) -> Keys:
        names = {
            "RoleSessionName": self._config.role_session_name,
            "ExternalId": self._config.role_external_id,
        }
        clients: Any = partial(
            self._session.create_client,
            region_name=self._config.region,
            endpoint_url=self._config.sts_endpoint_url,
        )
        fetcher = AioAssumeRoleCredentialFetcher(
            clients,
            base,
            role_arn,
            extra_args={name: value for name, value in names.items() if value},
            cache={},
        )
        return AioDeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")

    async def _first(self) -> Keys | None:
        config = self._config
        if config.access_key and not config.use_machine_role:
            return AioCredentials(
                config.access_key, config.secret_key or "", config.session_token, config.keys_from
            )
        for provider in self._providers():
            keys = await provider.load()
            if keys is not None:
                return keys
        return None

    def _providers(self) -> Sequence[Any]:
        config = self._config
        # Only the settings read the environment: keys that they do not pass on are not used.
        every = [each for each in self._own_chain.providers if each.METHOD != _ENVIRONMENT]
        if config.use_machine_role:
            return [each for each in every if each.METHOD in MACHINE]
        if config.profile is not None:
            # A profile that was asked for by name and is empty is a fault, not a reason to look on.
            return [each for each in every if each.METHOD not in MACHINE]
        return every


def new_session(config: S3Config) -> AioSession:
    """A session whose clients sign with the keys that the config leads to."""
    session = AioSession(profile=config.profile)
    session.register_component("credential_provider", CredentialChain(config, session))
    return session


def source_of(keys: Keys, config: S3Config) -> Source:
    method = str(keys.method)
    if method == config.keys_from:
        return config.keys_from
    return MACHINE.get(method, "profile")


async def find_credentials(config: S3Config) -> CredentialsFound:
    """Which source has the keys, asking those that have to be asked; StoreCredentials when none
    has.
    """
    doing = "credentials"
    async with store_errors(doing, config.timing.metadata_s):
        found = await CredentialChain(config, AioSession(profile=config.profile)).find()
        if found is None:
            raise StoreCredentials(f"{doing}: none are configured, and this machine has no role.")
        signing = await found.keys.get_frozen_credentials()
        expires_at = await end_of(found.keys)
    return CredentialsFound(
        source=source_of(found.base, config),
        key_tail=str(signing.access_key)[-_TAIL:],
        role_arn=None if found.base is found.keys else config.role_arn,
        expires_at=expires_at,
    )


async def end_of(keys: Keys | None) -> datetime | None:
    """When the keys end that sign from now on, renewed where they are due; None where they do not
    end.
    """
    if keys is not None:
        await keys.get_frozen_credentials()
    # No public name tells it.
    ends_at: datetime | None = getattr(keys, "_expiry_time", None)
    return ends_at
