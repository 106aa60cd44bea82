"""The diagrams of the pages, drawn by Mermaid in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests import chromium, npm
from usersync.runbook import flow
from usersync.runbook.models import Runbook

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)

PAGE = """\
<!doctype html>
<meta charset="utf-8">
<pre id="result"></pre>
<script src="{mermaid}"></script>
<script>
const diagrams = {diagrams};
(async () => {{
  mermaid.initialize({{startOnLoad: false, securityLevel: "strict"}});
  const told = [];
  for (const [number, text] of diagrams.entries()) {{
    try {{
      await mermaid.parse(text);
      const {{svg}} = await mermaid.render(`diagram${{number}}`, text);
      const box = document.createElement("div");
      box.innerHTML = svg;
      document.body.append(box);
      const nodes = [...box.querySelectorAll(".node")].map((node) => node.textContent);
      told.push({{nodes, wild: box.querySelectorAll("script, img, a, iframe").length}});
    }} catch (error) {{
      told.push({{error: String(error)}});
    }}
  }}
  document.getElementById("result").textContent = JSON.stringify(told);
}})();
</script>
"""

#: Keeps a backslash from the letter behind it, and has no width.
JOINER = "\N{WORD JOINER}"

#: What no text of a runbook may do to its diagram, whatever stands in it.
HOSTILE = (
    '"]; click s_ask call alert(1)',
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "end",
    "%% no comment",
    "#quot; #35; &lt; `code` **bold**",
    "-->|no edge| done",
    "subgraph x; }} ]] )) |",
    "öffnen? 開く ✅ \\n \\",
)


def drawn(folder: Path, *diagrams: str) -> list[dict[str, Any]]:
    """What became of each diagram: the texts of its boxes, or what is wrong with it."""
    script = npm.installed(Path(__file__).with_name("browser"), "mermaid/dist/mermaid.min.js")
    texts = json.dumps(diagrams).replace("<", "\\u003c")
    page = folder / "page.html"
    page.write_text(PAGE.format(mermaid=script.as_uri(), diagrams=texts), encoding="utf-8")
    told: list[dict[str, Any]] = chromium.result(page)
    assert len(told) == len(diagrams)
    return told


def book(*steps: dict[str, Any]) -> Runbook:
    """A runbook of these steps."""
    return Runbook.model_validate(
        {
            "schema": 1,
            "id": "book",
            "title": "A runbook",
            "severity": "low",
            "symptoms": ["none"],
            "steps": steps,
        }
    )


def test_every_diagram_of_the_pages_is_drawn(tmp_path: Path) -> None:
    """Mermaid parses and draws each of them, with a box for each step and one for the end."""
    found = {
        f"{page.relative_to(ROOT)} {number}": text
        for page in PAGES
        for number, text in enumerate(DIAGRAM.findall(page.read_text(encoding="utf-8")))
    }
    assert len(found) >= len(list((ROOT / "runbooks").glob("*.yaml")))
    told = dict(zip(found, drawn(tmp_path, *found.values()), strict=True))
    assert {name: one["error"] for name, one in told.items() if "error" in one} == {}
    for name, one in told.items():
        ids = re.findall(r"^    s_(\w+)[(\[{>]", found[name], re.MULTILINE)
        shown = "\n".join(one["nodes"])
        assert [step for step in ids if f": {step}" not in shown] == [], name
        assert "end" in one["nodes"], name


def test_a_diagram_that_is_none_is_caught(tmp_path: Path) -> None:
    """What does not parse is told with why, beside those that do."""
    good, bad = drawn(
        tmp_path, "flowchart TD\n    a --> b\n", "flowchart TD\n    a[" + '"x --> b\n'
    )
    assert "error" not in good
    assert "Parse error" in bad["error"] or "error" in bad["error"].lower()


def test_no_text_of_a_runbook_breaks_its_diagram(tmp_path: Path) -> None:
    """Words of a condition are shown as they are; none ends a box, draws an edge or runs."""
    books = [
        book(
            {"id": "ask", "gate": text},
            {"id": "end", "check": "status", "require": f"missing == {json.dumps(text)}"},
            {"id": "fill", "change": "sync", "when": f"inputs.x == {json.dumps(text)}"},
        )
        for text in HOSTILE
    ]
    for runbook, told in zip(books, drawn(tmp_path, *map(flow.mermaid, books)), strict=True):
        assert "error" not in told, told
        assert told["wild"] == 0
        assert len(told["nodes"]) == 5
        shown = " ".join(" ".join(told["nodes"]).split()).replace(JOINER, "")
        when = re.sub(r"\s+", " ", runbook.steps[2].when or "")
        assert f"if {when if len(when) <= 80 else when[:77] + '...'}" in shown
