"""What was measured, as a person reads it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Final

from bench.storage.files import MB, Load
from bench.storage.task import Measured

OTHERS: Final = ("s3transfer", "obstore")
CHECKS: Final = """\
What each client does about wrong bytes:
  autodj           up: the store checks a SHA-256 that is known before (of a large file: the CRC-32
                   of each part and of the whole, while we compare the SHA-256 of what we read,
                   and is asked afterwards what it holds); down: the SHA-256 that the store
                   computed is the known one, and the CRC-32 of every byte is the one noted beside
                   it; SHA-256 of every byte where the store computed none (large files)
  s3transfer       up: CRC-32 of what it read; down: the CRC-32 that the store kept, but nothing
                   of a large file, which it fetches in ranges
  obstore          nothing
  obstore+sha256   up: the store checks the SHA-256 of what it read, part by part of a large file;
                   down: SHA-256 of every byte, compared
  s5cmd, rclone    their defaults (MD5 of small files)"""


def tell(task: str, found: Mapping[str, Sequence[Measured]], load: Load) -> None:
    speeds = {c: load.total_mb / statistics.median(m.seconds for m in f) for c, f in found.items()}
    gb = load.total_mb / 1000
    print(
        f"{task:15}{'MB/s':>6}{'from':>6}{'to':>6}{'CPU s':>8}{'CPU s/GB':>10}"
        f"{'server s/GB':>13}{'cores':>7}{'peak MB':>9}"
    )
    for client, each in found.items():
        cpu_s = statistics.median(m.cpu_s for m in each)
        served_s = statistics.median(m.server_cpu_s for m in each)
        busy = [(m.cpu_s + m.server_cpu_s) / m.seconds for m in each]
        rates = [load.total_mb / m.seconds for m in each]
        print(
            f"{client:15}{speeds[client]:6.0f}{min(rates):6.0f}{max(rates):6.0f}{cpu_s:8.2f}"
            f"{cpu_s / gb:10.2f}{served_s / gb:13.2f}{statistics.median(busy):7.1f}"
            f"{max(m.peak_bytes for m in each) / MB:9.0f}"
        )
    ours = speeds.get("autodj")
    others = [speeds[client] for client in OTHERS if client in speeds]
    if ours and others:
        print(f"autodj / fastest other Python client: {ours / max(others):.2f}")
    if ours and "obstore+sha256" in speeds:
        print(f"autodj / obstore with the same check: {ours / speeds['obstore+sha256']:.2f}")


def tell_lists(found: Mapping[str, Sequence[Measured]], keys: int) -> None:
    print(f"{'list':15}{'s':>8}{'keys/s':>9}{'CPU µs a key':>14}{'peak MB':>9}")
    speeds = {}
    for client, each in found.items():
        assert {m.count for m in each} == {keys}, client
        seconds = statistics.median(m.seconds for m in each)
        speeds[client] = keys / seconds
        cpu_us = statistics.median(m.cpu_s for m in each) / keys * 1e6
        peak_mb = max(m.peak_bytes for m in each) / MB
        print(f"{client:15}{seconds:8.2f}{speeds[client]:9.0f}{cpu_us:14.1f}{peak_mb:9.0f}")
    others = [speeds[client] for client in OTHERS if client in speeds]
    if "autodj" in speeds and others:
        print(f"autodj / fastest other Python client: {speeds['autodj'] / max(others):.2f}")
