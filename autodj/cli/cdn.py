"""The group ``autodj cdn``: what stands in AWS, and whether it does what it should."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autodj.cli.cdn_check import check
from autodj.cli.cdn_template import template

ABOUT = "Set up CloudFront and its bucket, and see whether they do what they should."
COMMANDS: Sequence[Callable[..., None]] = (template, check)
