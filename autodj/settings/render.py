"""The catalogue as an example file and as a table, so that documents cannot differ from it."""

from __future__ import annotations

from textwrap import wrap

from autodj.settings.catalogue import CATALOGUE, Setting


def env_example() -> str:
    """The text of ``env.example``: every setting with its meaning, commented out."""
    lines = ["# Copy to .env, or set these in the environment. Commented lines show the defaults."]
    for section in CATALOGUE:
        lines += ["", f"# --- {section.title} ---"]
        for setting in section.settings:
            lines += [f"# {line}" for line in wrap(_sentence(setting), 96)]
            lines.append(f"#{setting.name}={setting.default}")
    return "\n".join(lines) + "\n"


def markdown_tables() -> str:
    """One table a section, for ``docs/configuration.md``."""
    parts = []
    for section in CATALOGUE:
        rows = [
            f"| `{s.name}` | {f'`{s.default}`' if s.default else 'none'} | {_sentence(s)} |"
            for s in section.settings
        ]
        parts.append(
            "\n".join(
                [
                    f"## {section.title}",
                    "",
                    "| setting | default | meaning |",
                    "|---|---|---|",
                    *rows,
                ]
            )
        )
    return "\n\n".join(parts) + "\n"


def _sentence(setting: Setting) -> str:
    aliases = f" (also {', '.join(setting.aliases)})" if setting.aliases else ""
    return f"{setting.about}{aliases}"
