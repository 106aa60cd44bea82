"""One run, every output: terminal text, JSON and reports are rendered from it alone."""

from usersync.report.facts import Facts, fingerprint, packed, unpacked
from usersync.report.headline import BROKEN, Headline, headline
from usersync.report.media import in_markdown, unmarked
from usersync.report.page import (
    FORMATS,
    SIZES,
    Format,
    Report,
    Section,
    Size,
    render,
    report,
    substance,
)
from usersync.report.saved import read
from usersync.report.text import as_json, beginning, step, terminal

__all__ = [
    "BROKEN",
    "FORMATS",
    "SIZES",
    "Facts",
    "Format",
    "Headline",
    "Report",
    "Section",
    "Size",
    "as_json",
    "beginning",
    "fingerprint",
    "headline",
    "in_markdown",
    "packed",
    "read",
    "render",
    "report",
    "step",
    "substance",
    "terminal",
    "unmarked",
    "unpacked",
]
