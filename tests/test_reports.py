"""Reports: one result, four formats, two sizes; nothing of a user's acts in any of them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree as ET

import pytest

from tests.app import spelled
from tests.report_samples import (
    CHECKS,
    DRIFT,
    MOMENT,
    REPORTS,
    RUNS,
    SUMMARY,
    TARGET,
    USER_ID,
    run,
    table,
)
from tests.test_output import ACTING
from usersync import notification, publishing, report
from usersync.config.github import GitHub
from usersync.errors import Refused, UsersyncError
from usersync.github import issue, step
from usersync.model import (
    ChangeState,
    CheckResult,
    FailureGroup,
    Finding,
    Run,
    RunbookFacts,
    Status,
    Step,
    TargetLine,
    Verdict,
)
from usersync.privacy import short_ids
from usersync.report import Format, Size, media
from usersync.tasks.command import print_error


class Snapshot(Protocol):
    """What pytest-snapshot's fixture does; it says nothing of its types."""

    def assert_match(self, value: str, snapshot_name: str) -> None:
        """Fail unless the file of this name holds the value."""


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("size", report.SIZES)
def test_markdown(name: str, size: Size, snapshot: Snapshot) -> None:
    """Every outcome reads as it was read and approved, in both sizes."""
    snapshot.assert_match(report.render(report.report(REPORTS[name]), size=size), "report.md")


def unstyled(made: report.Report, kind: Format, size: Size = "summary") -> str:
    """A report in another format, without the style that all pages share."""
    text = report.render(made, format=kind, size=size)
    return re.sub(r"<style>.*?</style>", "<style></style>", text, flags=re.DOTALL)


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("kind", ["html", "junit"])
def test_other_formats(name: str, kind: Format, snapshot: Snapshot) -> None:
    """So does the page, and so do the cases of a test report."""
    made = report.report(REPORTS[name])
    text = unstyled(made, kind)
    snapshot.assert_match(text, f"report.{kind}")
    short = unstyled(made, kind, "comment")
    if short != text:
        snapshot.assert_match(short, f"comment.{kind}")


@pytest.mark.parametrize("name", REPORTS)
def test_on_a_terminal(name: str, snapshot: Snapshot) -> None:
    """So does what a person at a terminal reads, with the lists and without."""
    for verbose in (False, True):
        text = "".join(report.terminal(one, verbose=verbose) for one in REPORTS[name])
        snapshot.assert_match(text, "verbose.txt" if verbose else "short.txt")


@pytest.mark.parametrize("name", REPORTS)
def test_in_public(name: str, snapshot: Snapshot) -> None:
    """Where anybody reads it, numbers are steps, and nothing names the parts of the target."""
    made = report.report(REPORTS[name], is_public=True)
    texts = {
        "public.md": report.render(made),
        "public.html": unstyled(made, "html"),
        "public.junit": unstyled(made, "junit"),
    }
    for file, text in texts.items():
        snapshot.assert_match(text, file)
        if made.sections[0].run.target:
            for secret in ("abcdefgh", "24c2c7f8", "user_profiles", "pooler", "150", "5-2026"):
                assert secret not in text, file


MEDIUM_OF = {"markdown": "md", "html": "html", "xml": "junit"}


@pytest.mark.parametrize("medium", ["terminal", *MEDIUM_OF])
def test_every_template_has_been_read(medium: media.Medium) -> None:
    """No template is without a run among the samples that shows it, and so without a snapshot."""
    media.environment.cache_clear()
    for runs in REPORTS.values():
        if medium == "terminal":
            for one in runs:
                report.terminal(one, verbose=True)
        else:
            report.render(report.report(runs), format=MEDIUM_OF[medium])  # type: ignore[arg-type]
    # As the product asks for it: what it has loaded is what it has rendered.
    environment = (
        media.environment("terminal", show_ids=False)
        if medium == "terminal"
        else media.environment(medium, None)
    )
    shown = {name for _, name in environment.cache or {}}
    folder = {"xml": "report.xml.j2", "terminal": "terminal/"}.get(medium, f"{medium}/")
    wanted = {name for name in environment.list_templates(["j2"]) if name.startswith(folder)}
    if medium in ("markdown", "html"):
        wanted.add(f"report.{MEDIUM_OF[medium]}.j2")
    assert wanted - {"terminal/beginning.txt.j2"} <= shown
    assert wanted


#: What somebody on call reads first, of every kind of run and every way that it ends.
FIRST_LINES = {
    "in_sync": "✅ in sync: 150 users, 150 profiles",
    "drift": "⚠️ 5 of 150 users have no profile since 2026-11-20 14:02 UTC",
    "plan": "⚠️ a sync would create 5 profiles: 5 of 150 users have none; the guard trigger stops"
    " it",
    "created": "✅ 5 profiles created",
    "failed": "⚠️ 3 of 5 profiles could not be created: 23505 unique_violation",
    "repair_plan": "⚠️ repair.emails would change 200 rows; the guard max_rows stops it",
    "repaired": "⚠️ repair.orphans: 10 rows changed, 1 failed; 2 stay as they are",
    "overwritten": "✅ sync: 5 profiles created, 7 rows changed",
    "findings": "❌ trigger_disabled (1): The trigger that makes profiles is disabled."
    " (and 1 more check; 201 findings in all)",
    "migration_plan": "⚠️ 2 of 2 changes of the migration to make",
    "verified": "✅ 1 check found nothing that counts",
    "footprint": "✅ 4 things of usersync in the target",
    "paused": "⏸️ sign-ups make no profile: public.handle_new_user() is paused since"
    " 2026-11-20 14:02 UTC, 12 signed up since then",
    "gate": "✋ runbook sign-ups-fail: stopped at pause: waits for approval",
    "night": "✅ runbook nightly-sync: in order: 150 users, all with a profile; 5 profiles created",
    "night_with_drift": "⚠️ runbook nightly-sync: 3 of 150 users have no profile; 1 finding;"
    " 3 profiles could not be created; 2 profiles created; first at trigger",
    "night_stopped": "✋ runbook nightly-sync: stopped at sync: 1,200 profiles would be created,"
    " more than the 100 allowed; 1,200 of 300,000 users have no profile",
    "night_refused": "🚫 runbook nightly-sync: refused at sync: production is production: somebody"
    " must approve this; 5 of 150 users have no profile",
    "night_untold": "❔ runbook nightly-sync: could not tell at before: the server closed the"
    " connection",
    "night_undone": "↩️ runbook nightly-sync: failed and undone at sync: 57014 query_canceled;"
    " 5 of 150 users have no profile",
    "night_half_done": "🚨 runbook nightly-sync: something of what failed remains at sync:"
    " 2 created, and 1 is not right; 5 of 150 users have no profile",
    "night_rehearsed": "⚠️ runbook nightly-sync (dry-run): 5 of 150 users have no profile;"
    " first at sync",
    "night_cut_off": "❔ runbook nightly-sync: could not tell: interrupted; what was committed"
    " stays; 3 of 150 users have no profile; 2 profiles created",
    "unreachable": "❔ could not tell: db.abcdefgh.supabase.co: no route to host",
    "refused": "🚫 refused, nothing was touched: production needs --approve, --yes or"
    " `unattended:`",
    "locked": "⏳ another usersync run is at work: another run holds the lock since 03:15",
    "broken_by_pull_request": "❌ this PR stops sign-ups: 23502 profiles.username,"
    " public.handle_new_user line 4, since 20261120_rename.sql",
    "harmless_pull_request": "✅ this PR leaves sign-ups as they are: 1 case tried",
    "untold_pull_request": "❔ could not tell whether this PR stops sign-ups: it needs the"
    " extension `postgis`",
}


def test_every_first_line_is_read() -> None:
    """The list has each run of the samples."""
    assert FIRST_LINES.keys() == RUNS.keys()


@pytest.mark.parametrize(("name", "line"), FIRST_LINES.items())
def test_the_first_line_says_everything(name: str, line: str) -> None:
    """Counts, since when, which SQLSTATE, where and since which file: all in one line."""
    assert report.headline(RUNS[name]).text == line


def summed(created: int, failed: int = 0, total: int = 150) -> Run:
    """A sync of users of whom 145 had a profile."""
    summary = replace(SUMMARY, total=total, created=created, failed=failed)
    return run("sync", 2 if failed else 0, tables=table(summary=summary))


STATUS_AND_CHECKS = run(
    "status", 2, tables=table(status=Status(MOMENT, 150, 148), checks=CHECKS[:2])
)
PENDING = run(
    "migration.verify",
    2,
    checks=CHECKS[4:],
    changes=(
        ChangeState("0006_sign_up", "makes the profile of a new user", "lost"),
        ChangeState("0001_schema", "makes the schema", "applied"),
    ),
)


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (summed(created=2), "✅ 2 profiles created; 3 of 150 users were left out"),
        (
            summed(created=1, failed=1),
            "⚠️ 1 of 2 profiles could not be created: see below; 3 of 150 users were left out",
        ),
        (
            replace(summed(created=2), exit_code=1, error="the connection was lost"),
            (
                "❔ could not tell: the connection was lost; 2 profiles created;"
                " 3 of 150 users were left out"
            ),
        ),
        (STATUS_AND_CHECKS, "⚠️ 2 of 150 users have no profile; 201 findings"),
        (PENDING, "⚠️ 1 of 2 changes of the migration to make"),
        (
            run("status", 1, tables=table(status=Status(MOMENT, 150, 150), checks=CHECKS[3:])),
            "❔ 150 users, 150 profiles; could not tell: 1 of 2 checks",
        ),
    ],
)
def test_a_first_line_hides_nobody(one: Run, line: str) -> None:
    """Whoever is still without a profile, and what nobody could tell, stands in the first line."""
    assert report.headline(one).text == line


_UP_TO_NINE = "1\N{EN DASH}9"


@pytest.mark.parametrize("kind", ["md", "html"])
@pytest.mark.parametrize("name", [name for name, one in RUNS.items() if one.digest])
def test_what_approves_is_there_or_said_to_be_hidden(name: str, kind: Format) -> None:
    """A page of what can be approved shows its digest; in public it says, once, how to see it."""
    run = RUNS[name]
    assert run.digest in report.render(report.report([run]), format=kind)
    for size in report.SIZES:
        made = report.report([run], is_public=True)
        text = report.render(made, format=kind, size=size)
        assert run.digest not in text
        assert text.count("--show-counts") == 1
        done = replace(run, digest="", tables=(), runbook=None)
        made = report.report([done], is_public=True)
        assert "--show-counts" not in report.render(made, format=kind, size=size)


def test_what_approves_one_of_several_plans_is_hidden_once() -> None:
    """Two tables have two plans, and what shows their digests is said once."""
    (one,) = RUNS["plan"].tables
    made = report.report([replace(RUNS["plan"], digest="", tables=(one, one))], is_public=True)
    assert report.render(made).count("--show-counts") == 1


def test_in_public_a_word_fits_its_step() -> None:
    """A number that is told in steps is several."""
    made = report.report([summed(created=1, total=146)], is_public=True)
    assert made.headline.text == f"✅ {_UP_TO_NINE} profiles created"


def test_the_worst_comes_first() -> None:
    """Several targets: the first line is that of the worst, which it names, beside the others."""
    other = replace(RUNS["in_sync"], target=replace(TARGET, name="staging", environment="staging"))
    whole = run("status", 2, target=None, targets=(other, RUNS["drift"]))
    made = report.report([whole])
    assert made.headline.text.startswith("⚠️ status · production: 5 of 150 users")
    assert made.headline.text.endswith("· and 1 more")
    assert made.exit_code == 2
    assert "### ✅ status · staging: in sync" in report.render(made)
    assert "status · staging: in sync" in report.render(made, format="html")


def test_what_changed_comes_first() -> None:
    """Of two runs of one task on one target the report tells the later, and what has changed."""
    earlier = replace(
        RUNS["drift"],
        ended_at=MOMENT - timedelta(days=1),
        tables=table(status=replace(DRIFT, existing=148)),
    )
    text = report.render(report.report([RUNS["drift"], earlier]))
    assert text.index("users without a profile (production): 5, was 2") < text.index("| Total Auth")
    assert 'title "Users without a profile, by run (UTC)"' in text
    assert "bar [2, 5]" in text
    page = report.render(report.report([RUNS["drift"], earlier]), format="html")
    assert "Users without a profile, by run (UTC)" in page


def test_nothing_changed_says_nothing() -> None:
    """Two equal runs have no news."""
    earlier = replace(RUNS["drift"], ended_at=MOMENT - timedelta(days=1))
    assert report.report([RUNS["drift"], earlier]).changes == ()


# -- what a user put into a name ----------------------------------------------------------------

MARKUP = {
    **ACTING,
    "a mention": "@everyone and @octocat",
    "an issue": "see #1, GH-1 and acme/app#2",
    "a link": "http://evil.example/?a=b and www.evil.example",
    "a Markdown link": "[click](javascript:alert(1)) ![x](http://evil.example/x.png)",
    "a table row": "a | b |\n| --- |",
    "a tag": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "an attribute": '" onmouseover="alert(1)" x="',
    "the end of a comment": "--> <h1>owned</h1> <!--",
    "the end of a fence": "```\n# owned\n````",
    "code": "`owned` ``owned``",
    "Mermaid": '"] \nclick a href "http://evil.example" %%{init: {}}%%',
    "a template": "{{ 7 * 7 }} {% include 'x' %} ${{ secrets.KEY }}",
    "emphasis": "*a* _b_ ~~c~~ **d** \\*",
    "math": "$x$ $$y$$",
    "an entity": "&lt;b&gt; &#64;everyone",
    "the end of the data": "]]></failure><x>",
}


#: Controls but the line end, and what turns the direction of a text.
INVISIBLE = r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"


def hostile(text: str) -> Run:
    """A run in which every field that is not ours holds this text."""
    user = "24c2c7f8-0000-4000-8000-00000000abcd"
    finding = Finding(f"check:{text}", text, text)
    return run(
        "status",
        2,
        target=TargetLine(text, "production", text, text),
        tables=table(
            status=replace(
                DRIFT,
                not_counted=(replace(DRIFT.not_counted[0], name=text),),
                missing_detail=replace(
                    DRIFT.missing_detail,  # type: ignore[type-var]
                    by_provider=(replace(DRIFT.not_counted[0], name=text),),
                ),
            ),
            summary=replace(
                SUMMARY, failed=1, failures=(FailureGroup("23505", text, text, 1, (user,)),)
            ),
        ),
        checks=(replace(CHECKS[0], question=text, remedy=text, findings=(finding,)),),
        steps=(Step(text, "failed", text, next_step=text),),
        verdicts=(Verdict(text, "ok", "failed", text, text),),
        notes=(text,),
        next_steps=(text,),
        error=text,
        actor=text,
        run_url=f"https://github.com/{text}",
    )


@pytest.mark.parametrize("text", MARKUP.values(), ids=MARKUP)
def test_nothing_acts_in_markdown(text: str) -> None:
    """Outside of fences no mark, mention, link, cell or tag of a user's is left as it was."""
    nothing_acts(report.render(report.report([hostile(text)])))


def nothing_acts(rendered: str) -> None:
    """No mark of GitHub's is in a report but ours."""
    bold = r"Next:|failed|Since the last report:|a sync would stop:|… and [\d,]+ more\.[\w' ]+\."
    ours = rf"\*\*({bold})\*\*"
    outside = re.sub(ours, "", rendered)
    outside = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", outside, flags=re.DOTALL | re.MULTILINE)
    rows = [line for line in outside.splitlines() if line.startswith("| ")]
    for row in rows:
        assert row.count("|") in (3, 4, 5, 6), row
    for pattern in (
        r"@\w",
        r"(?<!&)#\d",
        r"GH-\d",
        r"www\.",
        r"<(script|img|h1|x>|/failure)",
        r"\]\((?!https://github\.com/[\w./-]*\)|#\))",
        r"(?<!\()https?://",
        r"[*~$`]",
        r"\{\{|\{%",
        r"^::",
        r"-->",
    ):
        assert not re.search(pattern, outside, re.MULTILINE), (pattern, outside)
    assert not re.search(INVISIBLE, rendered)


@pytest.mark.parametrize("format", report.FORMATS)
def test_an_error_names_nobody(format: Format) -> None:  # noqa: A002 - the name of the flag
    """The id in an error is short in every format, as in what was found."""
    unknown = run("create-profile", 4, error=f"no user in auth.users has the id {USER_ID}")
    text = report.render(report.report([unknown]), format=format)
    assert USER_ID[:8] in text
    assert USER_ID not in text


def _told_in_a_log(one: Run) -> str:
    """What a log gets of it: annotations in a workflow, lines elsewhere, and a plain error."""
    annotations = step.annotated(report.report([one]))
    lines = [annotation.command for annotation in annotations]
    told: list[str] = []
    publishing.publish(
        publishing.Publication(
            runs=(one,), places=("annotations", "comment"), say=told.append, surroundings=GitHub()
        )
    )
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        print_error(UsersyncError(one.error, one.error))
    return "\n".join([*lines, *told, errors.getvalue()])


def _told_of_a_runbook(one: Run) -> str:
    """What is told of a runbook while it runs, and at its end."""
    facts = RunbookFacts(
        "night", "The night", "low", "run", "abc", inputs={"user": one.error}, gate="pause"
    )
    assert one.target
    steps = "".join(map(report.step, one.steps))
    ended = report.terminal(replace(one, runbook=facts))
    return report.beginning(one.target, facts) + steps + ended


#: Everything that a run becomes where others read it.
MEDIA: dict[str, Callable[[Run], str]] = {
    **{
        f"{kind}, {size}": lambda one, kind=kind, size=size: report.render(  # type: ignore[misc]
            report.report([one]), format=kind, size=size
        )
        for kind in report.FORMATS
        for size in report.SIZES
    },
    "what has changed": lambda one: report.render(
        report.report([one, replace(RUNS["in_sync"], ended_at=MOMENT - timedelta(days=1))])
    ),
    "a page of what has changed": lambda one: report.render(
        report.report([one]).since({one.error: "2"}), format="html"
    ),
    "JSON of what has changed": lambda one: report.render(
        report.report([one]).since({one.error: "2"}), format="json"
    ),
    "in public": lambda one: report.render(report.report([one], is_public=True)),
    "terminal": lambda one: report.terminal(one, verbose=True),
    "run.json": report.as_json,
    "runbook": _told_of_a_runbook,
    "log": _told_in_a_log,
    "slack": lambda one: str(
        notification.message(report.report([one]).since({one.error: "2"}), "slack", "")
    ),
    "webhook": lambda one: str(
        notification.message(report.report([one]).since({one.error: "2"}), "json", "")
    ),
    "issue": lambda one: issue.title("production", report.report([one])),
}


@pytest.mark.parametrize("medium", MEDIA)
def test_an_id_is_short_in_every_medium(medium: str) -> None:
    """However an id is written, and wherever it stands in a run, nobody reads but its start."""
    for text in spelled(USER_ID):
        address = "https://github.com/acme/app/actions/runs/7"
        told = MEDIA[medium](replace(hostile(f"a {text} b"), run_url=address))
        assert USER_ID.replace("-", "") not in re.sub(r"[-{}]|&#\d+;", "", told).lower(), text


@pytest.mark.parametrize("text", spelled(USER_ID))
def test_an_id_with_its_spelling_is_shown_short(text: str) -> None:
    """What is shown of an id is what lists show of it: eight small letters and digits."""
    assert short_ids(f"no user has the id {text}.") == f"no user has the id {USER_ID[:8]}."


@pytest.mark.parametrize(
    "text",
    [
        "5-20261125T031700000000-0123456789abcdef-" + "0a" * 36,
        "9fceb02d0ae598e95dc970b74767f19372d61af8",
        "public.backup_" + "0a" * 16,
        "00000000-0000-0000-0000-000000000000",
    ],
    ids=["a digest", "a commit", "a table", "nobody"],
)
def test_what_is_no_id_stays_whole(text: str) -> None:
    """Digests, commits, names and the id of nobody are copied from what is shown."""
    assert short_ids(f"approve {text} now") == f"approve {text} now"


@pytest.mark.parametrize("text", MARKUP.values(), ids=MARKUP)
def test_nothing_acts_in_a_page(text: str) -> None:
    """A page has the tags and attributes that our templates wrote, whatever a user is called."""
    from html.parser import HTMLParser

    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[tuple[str, tuple[str, ...]]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found.append((tag, tuple(name for name, _ in attrs)))

    def tags(value: str) -> list[tuple[str, tuple[str, ...]]]:
        parser = Tags()
        page = report.render(report.report([hostile(value)]), format="html")
        parser.feed(re.sub(r"</?code>", "", page))
        return parser.found

    assert tags(text) == tags("harmless")


@pytest.mark.parametrize("text", MARKUP.values(), ids=MARKUP)
def test_nothing_acts_in_a_test_report(text: str) -> None:
    """The XML parses, and has the elements that it has for harmless text."""

    def elements(value: str) -> list[str]:
        rendered = report.render(report.report([hostile(value)]), format="junit")
        return [element.tag for element in ET.fromstring(rendered).iter()]

    assert elements(text) == elements("harmless")


def test_a_test_report_counts() -> None:
    """What a reader of JUnit counts agrees with the run; the last case is the run itself."""
    text = report.render(report.report([RUNS["findings"]]), format="junit")
    suite = ET.fromstring(text)[0]
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6",
        "failures": "3",
        "errors": "1",
        "skipped": "1",
    }


# -- what is too long ---------------------------------------------------------------------------


def long_run(findings: int) -> Run:
    """A run with so many findings, each in a check of its own."""
    check = CHECKS[1]
    return run(
        "doctor",
        2,
        checks=tuple(
            CheckResult(f"check_{n}", "error", "é" * 300, check.remedy, 1, 0, check.findings[:1])
            for n in range(findings)
        ),
    )


@pytest.mark.parametrize("size", report.SIZES)
@pytest.mark.parametrize("findings", [25, 1_000, 100_000])
def test_a_long_report_is_cut_by_rows(findings: int, size: Size) -> None:
    """It fits its place, is still whole, says how many rows are left out, and begins as ever."""
    made = report.report([long_run(findings)])
    text = report.render(made, size=size, marker="<!-- usersync key=a hash=b facts=c -->")
    assert len(text.encode()) <= 1_048_576
    if size == "comment":
        assert len(text) <= 65_536
    assert text.startswith("<!-- usersync")
    assert f"(and {findings - 1:,} more checks; {findings:,} findings in all)" in text
    assert text.count("<details>") == text.count("</details>")
    if findings > 100:
        assert re.search(r"\*\*… and [\d,]+ more\.", text)


def test_what_cannot_be_cut_by_rows_is_cut_by_lines() -> None:
    """Text of another kind that is too long ends with a line that says so."""
    huge = replace(RUNS["unreachable"], error="\n".join(["a line of an error, again"] * 4_000))
    text = report.render(report.report([huge]), size="comment")
    assert len(text) <= 65_536
    assert text.rstrip().endswith("The run's file has all.")


# -- a team's own -------------------------------------------------------------------------------


def test_a_team_extends_the_report(tmp_path: Path) -> None:
    """A template of a team replaces a block and keeps the rest; it is escaped as ours is."""
    own = tmp_path / "ours.md.j2"
    own.write_text(
        "{% extends 'report.md.j2' %}{% block footer %}Call {{ report.sections[0].run.actor }}"
        "{% endblock %}"
    )
    made = report.report([replace(RUNS["drift"], actor="@octocat")])
    text = report.render(made, template=str(own))
    assert "5 of 150 users" in text
    assert text.rstrip().endswith("Call @\N{WORD JOINER}octocat")


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{% extends 'report.md.j2' %}\n{% block footer %}", "own.md.j2:2"),
        ("{{ report.nothing }}", "nothing"),
        ("{{ report.__class__.__mro__ }}", "unsafe"),
        ("{% include 'missing.j2' %}", "missing.j2"),
    ],
)
def test_a_wrong_template_is_told(template: str, told: str, tmp_path: Path) -> None:
    """What is wrong with a team's template is exit 3, and says where."""
    own = tmp_path / "own.md.j2"
    own.write_text(template)
    with pytest.raises(Refused, match=re.escape(told)):
        report.render(report.report([RUNS["drift"]]), template=str(own))


# -- the task -----------------------------------------------------------------------------------


def called(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """``usersync`` in a process of its own."""
    program = Path(sys.executable).with_name("usersync")
    known = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **environment}
    return subprocess.run(
        [program, *words], cwd=folder, env=known, capture_output=True, text=True, check=False
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A run as ``--out`` writes it."""
    path = tmp_path / "run.json"
    path.write_text(report.as_json(RUNS["drift"]))
    return path


@pytest.mark.parametrize("kind", report.FORMATS)
def test_a_saved_run_is_rendered(kind: str, saved: Path, tmp_path: Path) -> None:
    """``report.render`` says of a saved run what is said of the run itself, and exits with 0."""
    done = called(
        "report.render", "--run", str(saved), "--format", kind, "--to", "out", folder=tmp_path
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    written = (tmp_path / "out").read_text()
    again = report.render(report.report([report.read(str(saved))]), format=kind)  # type: ignore[arg-type]
    assert written.strip() == again.strip()
    if kind == "json":
        assert json.loads(written)["headline"].startswith("⚠️ 5 of 150")


@pytest.mark.parametrize("name", RUNS)
def test_a_run_comes_back_from_its_file(name: str, tmp_path: Path) -> None:
    """What is rendered from the file equals what is rendered from the run."""
    path = tmp_path / "run.json"
    path.write_text(report.as_json(RUNS[name], show_ids=True))
    assert report.read(str(path)) == RUNS[name]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "no run was given"),
        (["--run", "nowhere.json"], "No such file"),
        (["--run", "other.json"], "holds no run"),
        (["--run", "text.json"], "holds no run"),
        (["--run", "run.json", "--format", "pdf"], "--format takes"),
        (["--run", "run.json", "--size", "huge"], "--size takes"),
        (["--run", "run.json", "--template", "nowhere.j2"], "nowhere.j2"),
        (["--run", "newer.json"], "newer than this one"),
        (["--run", "run.json", "--to", "no/where"], "there is no folder"),
    ],
)
def test_what_cannot_be_rendered(words: list[str], told: str, saved: Path, tmp_path: Path) -> None:
    """A wrong file, format, size or template: exit 3, one line, no traceback."""
    (tmp_path / "other.json").write_text('{"a": 1}')
    (tmp_path / "text.json").write_text("no JSON")
    newer = json.loads(saved.read_text()) | {"schema": 99}
    (tmp_path / "newer.json").write_text(json.dumps(newer))
    done = called("report.render", *words, folder=tmp_path)
    assert done.returncode == 3, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_in_sync_is_in_sync() -> None:
    """An empty project is in sync, and says so."""
    empty = run("status", 0, tables=table(status=Status(MOMENT, 0, 0)))
    assert report.headline(empty).text == "✅ in sync: 0 users, 0 profiles"
