"""The example file and the reference say exactly what the settings are."""

from __future__ import annotations

from pathlib import Path

from dotenv import dotenv_values

from autodj.settings import load
from autodj.settings.catalogue import SETTINGS
from autodj.settings.render import env_example, markdown_tables

ROOT = Path(__file__).parents[2]


def test_env_example_is_the_catalogue() -> None:
    assert (ROOT / "env.example").read_text() == env_example()


def test_the_reference_ends_with_the_catalogues_tables() -> None:
    assert (ROOT / "docs" / "configuration.md").read_text().endswith(markdown_tables())


def test_the_defaults_in_env_example_load(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "\n".join(
            line.removeprefix("#")
            for line in env_example().splitlines()
            if line.startswith("#") and line[1:2].isupper()
        )
    )
    given = {name: value for name, value in dotenv_values(file).items() if value}
    assert set(given) <= {setting.name for setting in SETTINGS}
    assert load({**given, "AUTODJ_SECRET": "q8Zr3vN0tYx7LmC2sKd9WbE5hUjP1aGf"})
