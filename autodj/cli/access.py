"""``autodj login``, ``token`` and ``secret``: ways in."""

from __future__ import annotations

from typing import Annotated

import typer

from autodj.cli.options import OWNER, DataDir, UserName

SECRET_BYTES = 48
DAY_S = 86400


def login(user: UserName = OWNER, data: DataDir = None) -> None:
    """Print a new link that logs a browser in, once, within 15 minutes.

    For example:

        autodj login
    """
    import asyncio

    from autodj.cli.console import print_line
    from autodj.cli.people import login_link
    from autodj.cli.where import described

    print_line(asyncio.run(login_link(described(data), user)))


def token(
    user: UserName = OWNER,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it is good.")] = 30,
    data: DataDir = None,
) -> None:
    r"""Print a bearer token, with which programs use the API.

    Whoever has it can do what you can until it is over, so treat it as a password.

    For example:

        curl -H "Authorization: Bearer $(autodj token --days 1)" \
        http://127.0.0.1:8000/api/v1/tracks
    """
    import asyncio

    from autodj.cli.console import print_line
    from autodj.cli.people import bearer_token
    from autodj.cli.where import described

    print_line(asyncio.run(bearer_token(described(data), user, ttl_s=days * DAY_S)))


def secret() -> None:
    """Print a new secret for AUTODJ_SECRET.

    Changing it ends every token, session and local link.

    For example:

        echo "AUTODJ_SECRET=$(autodj secret)" >> .env
    """
    import secrets

    from autodj.cli.console import print_line

    print_line(secrets.token_urlsafe(SECRET_BYTES))
