"""The words between a sandbox and its child: requests with descriptors one way, JSON lines
the other. Both ends import this and nothing heavier.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

from autodj.audio.confine import ChildLimits

_LENGTH_BYTES = 4
_DESCRIPTORS = 2


@dataclass(frozen=True, slots=True)
class Request:
    """Run the named task on an open file; the answer goes to the socket sent along."""

    task: str
    arguments: dict[str, Any]
    limits: ChildLimits


def send_request(
    control: socket.socket, request: Request, *, input_fd: int, answer_fd: int
) -> None:
    """Hand over a request and duplicates of both descriptors; OSError when nobody listens."""
    body = json.dumps([request.task, request.arguments, request.limits.to_document()]).encode()
    length = len(body).to_bytes(_LENGTH_BYTES, "big")
    socket.send_fds(control, [length], [input_fd, answer_fd])
    control.sendall(body)


def receive_request(control: socket.socket) -> tuple[Request, int, socket.socket] | None:
    """The next request, the file's descriptor and the answering socket; None at the end."""
    length, descriptors, _, _ = socket.recv_fds(control, _LENGTH_BYTES, _DESCRIPTORS)
    if len(descriptors) != _DESCRIPTORS:
        return None
    body = b""
    wanted = int.from_bytes(length, "big")
    while len(body) < wanted:
        part = control.recv(wanted - len(body))
        if not part:
            return None
        body += part
    task, arguments, limits = json.loads(body)
    request = Request(task, arguments, ChildLimits(**limits))
    return request, descriptors[0], socket.socket(fileno=descriptors[1])


def line(kind: str, content: object) -> bytes:
    """One line of an answer: ``progress``, ``result``, ``refused``, ``failed`` or ``exit``."""
    return json.dumps([kind, content], allow_nan=False, separators=(",", ":")).encode() + b"\n"
