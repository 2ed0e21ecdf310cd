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
_MOST_DESCRIPTORS = 3


@dataclass(frozen=True, slots=True)
class Request:
    """Run the named task on an open file; the answer goes to the socket sent along."""

    task: str
    arguments: dict[str, Any]
    limits: ChildLimits


@dataclass(frozen=True, slots=True)
class Received:
    """A request with its descriptors: the file, the answering socket, and where there is
    something to write, the file for it.
    """

    request: Request
    input_fd: int
    answer: socket.socket
    output_fd: int | None

    @property
    def files(self) -> tuple[int, ...]:
        return (self.input_fd,) if self.output_fd is None else (self.input_fd, self.output_fd)


def send_request(
    control: socket.socket,
    request: Request,
    *,
    input_fd: int,
    answer_fd: int,
    output_fd: int | None = None,
) -> None:
    """Hand over a request and duplicates of the descriptors; OSError when nobody listens."""
    body = json.dumps([request.task, request.arguments, request.limits.to_document()]).encode()
    length = len(body).to_bytes(_LENGTH_BYTES, "big")
    outputs = [] if output_fd is None else [output_fd]
    socket.send_fds(control, [length], [input_fd, answer_fd, *outputs])
    control.sendall(body)


def receive_request(control: socket.socket) -> Received | None:
    """The next request; None at the end."""
    length, descriptors, _, _ = socket.recv_fds(control, _LENGTH_BYTES, _MOST_DESCRIPTORS)
    if len(descriptors) < 2:
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
    input_fd, answer_fd, *outputs = descriptors
    output_fd = outputs[0] if outputs else None
    return Received(request, input_fd, socket.socket(fileno=answer_fd), output_fd)


def line(kind: str, content: object) -> bytes:
    """One line of an answer: ``started``, ``progress``, a verdict as ``warm.Outcome`` names them,
    or ``exit``.
    """
    return json.dumps([kind, content], allow_nan=False, separators=(",", ":")).encode() + b"\n"
