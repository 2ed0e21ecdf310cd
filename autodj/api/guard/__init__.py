"""The door of the web process: an HTTP protocol for uvicorn that no client can hold open.

``uvicorn ... --http autodj.api.guard:GuardedProtocol --ws none``; ``autodj serve`` does it.
"""

from __future__ import annotations

from autodj.api.guard.limits import Limits
from autodj.api.guard.protocol import GuardedProtocol
from autodj.api.guard.watch import Guard

__all__ = ["Guard", "GuardedProtocol", "Limits"]
