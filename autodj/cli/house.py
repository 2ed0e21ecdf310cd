"""Everything of autodj on this machine: started in order, announced, stopped in reverse."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from autodj.cli.environment import EmbeddedS3, laptop_environment, settings_in
from autodj.cli.options import OWNER
from autodj.cli.parts import edge_program, web_program, worker_program
from autodj.cli.running import Running, announced
from autodj.cli.steps import Steps
from autodj.cli.where import Server, own_token
from autodj.db import open_database
from autodj.db.schema import upgrade
from autodj.laptop.broker import broker_program
from autodj.laptop.keys import LaptopKeys, laptop_keys
from autodj.laptop.listening import require_address
from autodj.laptop.ports import LOOPBACK, free_ports, kept_ports
from autodj.laptop.supervisor import Supervisor
from autodj.logs import set_up
from autodj.settings import Settings, load
from autodj.users.login import ensure_user, offer_login

# Another name than the web process has, so that the page's cookie does not go to the edge.
EDGE_HOST = "localhost"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start. ``port`` 0 takes a free one; ``inherited`` is the environment."""

    data_dir: Path
    port: int
    with_s3: bool
    inherited: Mapping[str, str]

    @property
    def embeds_s3(self) -> bool:
        """Also without being asked where tracks lie on the embedded S3 server already."""
        used_before = (self.data_dir / "s3").exists()
        elsewhere = bool(self.inherited.get("S3_BUCKET_NAME", "").strip())
        return self.with_s3 or (used_before and not elsewhere)


@dataclass(frozen=True, slots=True)
class House:
    """A running installation."""

    supervisor: Supervisor
    settings: Settings
    running: Running

    @property
    def server(self) -> Server:
        return Server(self.running.url, own_token(self.settings, self.running.user_id))

    async def login_link(self) -> str:
        """A one-time link to the page."""
        async with open_database(self.settings.database_url) as db:
            return await offer_login(db, self.running.user_id, public_url=self.settings.public_url)


async def live(plan: Plan, steps: Steps, stay: Callable[[House], Awaitable[None]]) -> None:
    """Start everything, ``stay`` as long as that takes, and stop everything.

    CommandError in a line for what cannot be: a second house on the same data, a taken port, a
    full disk, a missing program, settings that refuse. Ends quietly on SIGINT and SIGTERM.
    """
    set_up(level="error", fmt="text")
    port = plan.port or free_ports(1)[0]
    url = f"http://{LOOPBACK}:{port}"
    async with Supervisor(plan.data_dir, url=url, say=steps.say) as supervisor:
        require_address(LOOPBACK, port, option="--port")
        keys = laptop_keys(plan.data_dir)
        with steps.step("broker", "Valkey, embedded"):
            program, broker = await broker_program(plan.data_dir)
            await supervisor.start(program)
        s3 = None
        if plan.embeds_s3:
            s3 = await _start_s3(plan, supervisor, keys, steps)
        environment = laptop_environment(
            plan.inherited,
            keys,
            data_dir=plan.data_dir,
            public_url=url,
            broker_url=broker.url,
            s3=s3,
        )
        settings = load(environment)
        user_id = await _prepare_stores(settings, s3, steps)
        await _start_ours(plan.data_dir, port, supervisor, settings, environment, s3, steps)
        running = Running(url, user_id, settings_in(environment))
        with announced(plan.data_dir, running):
            await stay(House(supervisor, settings, running))
        steps.say("stopping")


async def _start_s3(
    plan: Plan, supervisor: Supervisor, keys: LaptopKeys, steps: Steps
) -> EmbeddedS3:
    from autodj.laptop.s3server import s3_program

    with steps.step("S3 server", "SeaweedFS, embedded; a private bucket"):
        program, server = await s3_program(plan.data_dir, keys)
        await supervisor.start(program)
    # In files of their own, so that a port which is taken does not move the other.
    ports = kept_ports(plan.data_dir / "edge.json", ["edge"])
    ports |= kept_ports(plan.data_dir / "edge-control.json", ["control"])
    return EmbeddedS3(
        server.endpoint_url,
        server.region,
        edge_url=f"http://{EDGE_HOST}:{ports['edge']}",
        control_url=f"http://{LOOPBACK}:{ports['control']}",
    )


async def _prepare_stores(settings: Settings, s3: EmbeddedS3 | None, steps: Steps) -> UUID:
    """Tables, the bucket and the owner; the owner's id."""
    with steps.step("database", "at the newest revision"):
        await upgrade(settings.database_url)
        async with open_database(settings.database_url) as db:
            owner = await ensure_user(db, OWNER)
        if s3 is not None:
            await _make_bucket(settings)
        return owner.id


async def _make_bucket(settings: Settings) -> None:
    # Who keeps tracks on the disk need not wait for what S3 takes to load: most of a second.
    from autodj.runtime import s3_config
    from autodj.storage.s3 import open_s3

    async with open_s3(s3_config(settings)) as store:
        await store.ensure_bucket()


async def _start_ours(
    data_dir: Path,
    port: int,
    supervisor: Supervisor,
    settings: Settings,
    environment: Mapping[str, str],
    s3: EmbeddedS3 | None,
    steps: Steps,
) -> None:
    if s3 is not None:
        with steps.step("edge", f"{s3.edge_url}, as CloudFront would"):
            await supervisor.start(edge_program(data_dir, s3.edge_url, environment))
    with steps.step("worker", "analyses and publishes"):
        await supervisor.start(worker_program(data_dir, settings, environment))
    with steps.step("web process", settings.public_url):
        await supervisor.start(web_program(data_dir, port, environment))
