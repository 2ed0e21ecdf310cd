"""The sixteen ways in which an exchange with S3 is spoilt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Final

from bench.faults.proxy import DRIP_S, Cut, Exchange, Fault, Message

Kind = Callable[[Random], Fault]

VERSION: Final = "versionId="


def _refused(status: str, code: str, *headers: tuple[str, str]) -> Kind:
    body = f"<Error><Code>{code}</Code><Message>on purpose</Message></Error>".encode()

    async def fault(exchange: Exchange) -> None:
        sent = b"" if exchange.request.method == "HEAD" else body
        await exchange.reply(_answer(status, sent, *headers))

    return lambda _: fault


def _answer(status: str, body: bytes, *headers: tuple[str, str]) -> Message:
    plain = (("Content-Type", "application/xml"), ("Content-Length", str(len(body))))
    return Message(f"HTTP/1.1 {status}", (*plain, *headers), body)


async def _reset(exchange: Exchange) -> None:
    del exchange
    raise Cut


async def _lose_the_answer(exchange: Exchange) -> None:
    await exchange.pass_on()
    raise Cut


async def _hang(exchange: Exchange) -> None:
    del exchange
    await asyncio.Event().wait()


async def _fail_after_doing_it(exchange: Exchange) -> None:
    await exchange.pass_on()
    await exchange.reply(_answer("500 Internal Server Error", b""))


async def _babble(exchange: Exchange) -> None:
    exchange.writer.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
    await exchange.writer.drain()
    raise Cut


async def _drip(exchange: Exchange) -> None:
    """The head first, where there is a body; else the head itself drips."""
    answer = await exchange.pass_on()
    slow = answer.body
    if slow:
        exchange.writer.write(answer.head())
    for byte in slow or answer.head():
        exchange.writer.write(bytes([byte]))
        await exchange.writer.drain()
        await asyncio.sleep(DRIP_S)


def _cut_short(chance: Random) -> Fault:
    async def fault(exchange: Exchange) -> None:
        answer = await exchange.pass_on()
        whole = answer.head() + answer.body
        exchange.writer.write(whole[: chance.randrange(len(whole))])
        await exchange.writer.drain()
        raise Cut

    return fault


def _shorter(chance: Random) -> Fault:
    """Less than was stored, with a Content-Length that agrees."""

    async def fault(exchange: Exchange) -> None:
        answer = await exchange.pass_on()
        if answer.body:
            body = answer.body[: chance.randrange(len(answer.body))]
            answer = replace(answer.with_header("content-length", str(len(body))), body=body)
        await exchange.reply(answer)

    return fault


def _flipped_answer(chance: Random) -> Fault:
    """Bytes of objects only: nothing but TLS can tell a wrong byte in S3's own words."""

    async def fault(exchange: Exchange) -> None:
        answer = await exchange.pass_on()
        asked = exchange.request
        is_object = asked.method == "GET" and ("?" not in asked.target or VERSION in asked.target)
        if is_object and answer.first.split(" ")[1] in {"200", "206"}:
            answer = replace(answer, body=_flipped(answer.body, chance))
        await exchange.reply(answer)

    return fault


def _flipped_request(chance: Random) -> Fault:
    async def fault(exchange: Exchange) -> None:
        changed = replace(exchange.request, body=_flipped(exchange.request.body, chance))
        await exchange.reply(await exchange.forward(changed))

    return fault


async def _other_tag(exchange: Exchange) -> None:
    answer = await exchange.pass_on()
    if answer.header("etag"):
        answer = answer.with_header("etag", '"00000000000000000000000000000000"')
    await exchange.reply(answer)


async def _redirect(exchange: Exchange) -> None:
    """To a server that is not there: what is signed for one host is of no use to another."""
    await exchange.reply(
        _answer("307 Temporary Redirect", b"", ("Location", "http://127.0.0.2:1/elsewhere"))
    )


def _flipped(body: bytes, chance: Random) -> bytes:
    if not body:
        return body
    place = chance.randrange(len(body))
    changed = bytes([body[place] ^ 1 << chance.randrange(8)])
    return body[:place] + changed + body[place + 1 :]


KINDS: Final[Mapping[str, Kind]] = {
    "500": _refused("500 Internal Server Error", "InternalError"),
    "503 SlowDown": _refused("503 Slow Down", "SlowDown"),
    "429": _refused("429 Too Many Requests", "TooManyRequests"),
    "403 clock skew": _refused("403 Forbidden", "RequestTimeTooSkewed"),
    "200 with an error": _refused("200 OK", "InternalError"),
    "307 elsewhere": lambda _: _redirect,
    "reset": lambda _: _reset,
    "answer lost": lambda _: _lose_the_answer,
    "500 after doing it": lambda _: _fail_after_doing_it,
    "hang": lambda _: _hang,
    "drip": lambda _: _drip,
    "no HTTP": lambda _: _babble,
    "cut short": _cut_short,
    "shorter, length agrees": _shorter,
    "flipped byte": _flipped_answer,
    "flipped byte sent": _flipped_request,
    "other ETag": lambda _: _other_tag,
}
