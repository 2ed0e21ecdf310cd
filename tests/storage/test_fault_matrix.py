"""A part of the fault matrix on the real server; `python -m bench.faults` is the whole."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest

from autodj.storage.s3 import S3Config
from bench.faults.__main__ import FOREVER, believing
from bench.faults.kinds import KINDS
from bench.faults.operations import OPERATIONS
from bench.faults.run import Verdict, plan, run

# Prime to the number of kinds and of operations, so that each of them has its turn.
EVERY = 5
PATIENCE_S = 60.0


@pytest.mark.parametrize(("seed", "encrypted"), [(1, False), (2, True)])
async def test_no_fault_leads_to_wrong_bytes_or_a_success_that_is_none(
    real_config: S3Config,
    trusted: ssl.SSLContext,
    record_property: Callable[[str, object], None],
    seed: int,
    *,
    encrypted: bool,
) -> None:
    cases = [*plan([*KINDS], [*OPERATIONS], [seed])][::EVERY]
    tls = trusted if encrypted else None
    tally = await run(real_config, cases, slack_s=PATIENCE_S, tls=tls)
    record_property("counts", tally.summary)

    assert tally.bad == []
    assert {each.kind for each in tally.cases} == {*KINDS}
    assert {each.operation for each in tally.cases} == {*OPERATIONS}
    assert {each.verdict for each in tally.cases} == {Verdict.DONE, Verdict.REFUSED}


async def test_a_store_that_checks_no_hash_is_caught(real_config: S3Config) -> None:
    cases = plan(["flipped byte"], ["read", "download"], [1, 2])
    with believing():
        tally = await run(real_config, cases, slack_s=PATIENCE_S, at_once=2)

    assert Verdict.WRONG in {each.verdict for each in tally.bad}


async def test_a_store_without_deadlines_is_caught(real_config: S3Config) -> None:
    cases = plan(["hang"], ["probe"], [1])
    tally = await run(real_config, cases, timing=FOREVER, at_once=1)

    assert [each.verdict for each in tally.cases] == [Verdict.LATE]
