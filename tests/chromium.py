"""A real browser for the tests: Debian's Chromium without a window, one page at a time.

A page says what it found by writing JSON into its element `result`; nothing drives it from outside.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.npm import unavailable

#: What the package is called in Debian and Ubuntu, and what Google's own is.
NAMES = ("chromium", "chromium-browser", "google-chrome")

_RESULT = re.compile(r'<([a-z]+)[^>]* id="result"[^>]*>(.*?)</\1>', re.DOTALL)


def program() -> str:
    """Chromium; a test that cannot have it is skipped, and on CI it fails."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or unavailable("there is no Chromium: apt-get install chromium")


def dom(page: Path, *, virtual_s: int = 60) -> str:
    """What a file of HTML has become once its scripts have run.

    Args:
        page: the file; it may load others by their path.
        virtual_s: how much time its scripts see pass; what waits for nothing takes none of ours.
    """
    with TemporaryDirectory(prefix="chromium-") as profile:
        done = subprocess.run(
            [
                program(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-extensions",
                "--disable-background-networking",
                "--no-first-run",
                "--allow-file-access-from-files",
                f"--user-data-dir={profile}",
                f"--virtual-time-budget={virtual_s * 1000}",
                "--dump-dom",
                page.resolve().as_uri(),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


def result(page: Path, *, virtual_s: int = 60) -> Any:
    """The JSON that the scripts of a page have put into its element `result`."""
    text = dom(page, virtual_s=virtual_s)
    found = _RESULT.search(text)
    assert found, text[-2000:]
    told = html.unescape(found[2]).strip()
    assert told, f"the page came to no result: {text[-2000:]}"
    return json.loads(told)
