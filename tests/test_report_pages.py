"""The page of a report in a real browser: nothing axe-core finds, on a phone, light and dark."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import chromium, npm
from tests.report_samples import MOMENT, RUNS
from tests.test_diagrams import drawn
from tests.test_reports import MARKUP, hostile, long_run
from usersync import report

#: Runs axe-core on a page in a frame as wide as a screen, and measures it.
PAGE = """\
<!doctype html>
<meta charset="utf-8">
<pre id="result"></pre>
<script>
const pages = {pages};
const text = (packed) => new TextDecoder().decode(
  Uint8Array.from(atob(packed), (character) => character.charCodeAt(0)));
(async () => {{
  const axe = await (await fetch("{axe}")).text();
  const told = [];
  for (const page of pages) {{
    const frame = document.createElement("iframe");
    frame.style.cssText = `width: ${{page.width}}px; height: 900px; color-scheme: ${{page.scheme}}`;
    frame.srcdoc = text(page.html);
    await new Promise((loaded) => {{ frame.onload = loaded; document.body.append(frame); }});
    const inside = frame.contentWindow;
    inside.document.querySelectorAll("details").forEach((one) => {{ one.open = true; }});
    inside.eval(axe);
    const found = await inside.axe.run(inside.document, {{resultTypes: ["violations"]}});
    const body = inside.getComputedStyle(inside.document.body);
    told.push({{
      violations: found.violations.map((one) => `${{one.id}}: ${{one.nodes[0].html}}`),
      passes: found.passes.length,
      overflows: inside.document.documentElement.scrollWidth > page.width + 1,
      background: body.backgroundColor,
      loaded: inside.performance.getEntriesByType("resource").length,
      wild: inside.document.querySelectorAll("script, img, iframe, object, embed, link").length,
    }});
    frame.remove();
  }}
  document.getElementById("result").textContent = JSON.stringify(told);
}})();
</script>
"""


def page_of(*names: str) -> str:
    """The page of a report, without the policy that keeps the test's own script out as well."""
    html = report.render(report.report([RUNS[name] for name in names]), format="html")
    assert "default-src 'none'" in html
    return re.sub(r"<meta http-equiv=.*?>", "", html)


def seen(folder: Path, *pages: str, width: int, scheme: str = "light") -> list[dict[str, Any]]:
    """What a browser and axe-core say of pages.

    Args:
        folder: where the test's own page is written.
        pages: HTML.
        width: of the screen, in pixels.
        scheme: ``light`` or ``dark``.
    """
    axe = npm.installed(Path(__file__).with_name("browser"), "axe-core/axe.min.js")
    given = [
        {"html": base64.b64encode(one.encode()).decode(), "width": width, "scheme": scheme}
        for one in pages
    ]
    path = folder / "pages.html"
    path.write_text(PAGE.format(pages=json.dumps(given), axe=axe.as_uri()), encoding="utf-8")
    told: list[dict[str, Any]] = chromium.result(path)
    return told


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light")])
def test_every_page_is_accessible(width: int, scheme: str, tmp_path: Path) -> None:
    """No outcome has a violation, loads anything, or is wider than the screen, also of a phone."""
    pages = [page_of(name) for name in RUNS]
    told = dict(zip(RUNS, seen(tmp_path, *pages, width=width, scheme=scheme), strict=True))
    assert {name: one["violations"] for name, one in told.items() if one["violations"]} == {}
    assert all(one["passes"] > 10 for one in told.values())
    assert [name for name, one in told.items() if one["overflows"]] == []
    assert {(one["loaded"], one["wild"]) for one in told.values()} == {(0, 0)}


def test_light_and_dark_differ(tmp_path: Path) -> None:
    """A page follows the reader's system."""
    page = page_of("drift")
    (light,) = seen(tmp_path, page, width=800)
    (dark,) = seen(tmp_path, page, width=800, scheme="dark")
    assert light["background"] != dark["background"]


def test_a_violation_is_caught(tmp_path: Path) -> None:
    """A page with a fault shows that the judge is awake."""
    broken = page_of("drift").replace('<html lang="en">', "<html>").replace("<caption>", "<p>")
    (told,) = seen(tmp_path, broken, width=800)
    assert any(one.startswith("html-has-lang") for one in told["violations"])


def test_nothing_of_a_user_acts_in_a_browser(tmp_path: Path) -> None:
    """Markup in names, messages and addresses makes no element that loads or runs."""
    pages = [
        re.sub(
            r"<meta http-equiv=.*?>",
            "",
            report.render(report.report([hostile(text)]), format="html"),
        )
        for text in MARKUP.values()
    ]
    for name, told in zip(MARKUP, seen(tmp_path, *pages, width=800), strict=True):
        assert (told["loaded"], told["wild"]) == (0, 0), name


def test_a_long_page_is_accessible(tmp_path: Path) -> None:
    """A report of a thousand findings and a history is whole."""
    from dataclasses import replace

    earlier = replace(RUNS["drift"], ended_at=MOMENT - timedelta(days=1))
    html = report.render(report.report([long_run(1_000), RUNS["drift"], earlier]), format="html")
    (told,) = seen(tmp_path, re.sub(r"<meta http-equiv=.*?>", "", html), width=360)
    assert told["violations"] == []
    assert not told["overflows"]


def test_the_charts_of_reports_are_drawn(tmp_path: Path) -> None:
    """Mermaid draws both charts of a status with history."""
    from dataclasses import replace

    earlier = replace(RUNS["drift"], ended_at=MOMENT - timedelta(days=1))
    text = report.render(report.report([RUNS["drift"], earlier]))
    charts = re.findall(r"^```mermaid\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(charts) == 2
    assert [one for one in drawn(tmp_path, *charts) if "error" in one] == []
