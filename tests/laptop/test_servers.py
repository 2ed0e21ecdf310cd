from __future__ import annotations

import asyncpg
import pytest

from tests.servers import PostgresServer, create_database, drop_database

pytest_plugins: list[str] = []
