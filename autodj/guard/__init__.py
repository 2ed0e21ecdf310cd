"""The door of the web process: an HTTP protocol for uvicorn that no client can hold open.

``uvicorn ... --http autodj.guard:GuardedProtocol --ws none``; ``autodj serve`` does it.
"""

from __future__ import annotations

from autodj.guard.limits import Limits
from autodj.guard.protocol import GuardedProtocol
from autodj.guard.watch import Guard

__all__ = ["Guard", "GuardedProtocol", "Limits"]
