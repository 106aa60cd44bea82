"""What a template prints is made harmless for where it is read, so that none can forget it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from usersync.privacy import LONGEST_MESSAGE, plain_line, short_ids, visible
from usersync.report.words import Code, minute

if TYPE_CHECKING:
    import jinja2

Medium = Literal["terminal", "markdown", "html", "xml"]

#: What `visible` makes of ``::``.
_ESCAPED_COLONS = visible("::")

#: Characters with a meaning in GitHub's Markdown, inline or in a table.
_MARKS = re.compile(r"[\\`*\[\]<>|~$&{}]|(?<!\w)_|_(?!\w)")
#: What GitHub makes a link of, or a mention, and what stands before the point where it is cut.
_LINKS = re.compile(
    r"@(?=\w)|#(?=\d)|:(?=//)|\bGH-(?=\d)|\bwww(?=\.)|\bmailto:(?=\w)", re.IGNORECASE
)
_JOINER = "\N{WORD JOINER}"
#: Marks of a chat and of a title, which know no escape for them, and what looks like them.
_LOOKALIKES = {
    "*": "\N{ASTERISK OPERATOR}",
    "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
    "~": "\N{TILDE OPERATOR}",
    "_": "\N{MODIFIER LETTER LOW MACRON}",
}
_CHAT_MARKS = re.compile(r"[*`~]|(?<!\w)_|_(?!\w)")
_CHAT_LINKS = re.compile(rf"\](?=\()|{_LINKS.pattern}", re.IGNORECASE)


class Message(str):
    """A text of ours, which is not cut as a field of a user is."""

    __slots__ = ()


class Statement(Message):
    """A line of SQL, in which ``::`` is a cast; only what begins a line may act."""

    __slots__ = ()


@cache
def environment(
    medium: Medium, folder: Path | None = None, *, show_ids: bool = False
) -> jinja2.Environment:
    """The templates for one medium.

    Args:
        medium: where the text is read.
        folder: a team's own templates, which may extend ours; they run in Jinja2's sandbox.
        show_ids: whole ids on a terminal; everywhere else they are always short.
    """
    import jinja2
    from jinja2.sandbox import SandboxedEnvironment

    ours = jinja2.PackageLoader("usersync")
    made = SandboxedEnvironment(
        loader=ours
        if folder is None
        else jinja2.ChoiceLoader([jinja2.FileSystemLoader(folder), ours]),
        undefined=jinja2.StrictUndefined,
        finalize=_terminal(show_ids=show_ids) if medium == "terminal" else _escaping(medium),
        # Terminal text needs no markup; everything else is escaped by `finalize`, once.
        autoescape=medium != "terminal",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "message": Message,
        "instant": instant,
        "minute": minute,
        "share": _share,
        "bar": _bar,
        "code": Statement,
    }
    if medium != "terminal":
        made.filters |= {
            "code": _code(medium),
            "line": _line(medium),
            "fence": _fence,
            "link": _link,
            "prose": _prose(medium),
            "run_id": _run_id(medium),
        }
    return made


def in_markdown(text: str) -> str:
    """Text of unknown origin as GitHub shows it letter by letter: no markup, mention or link."""
    return _letter_by_letter(plain_line(text))


def _letter_by_letter(line: str) -> str:
    # The joiner is invisible, and stands where a mention or a link would begin.
    shown = _MARKS.sub(lambda found: f"&#{ord(found.group())};", line)
    return re.sub(
        r"&#\d+;|" + _LINKS.pattern,
        lambda found: found.group() + ("" if found.group().startswith("&#") else _JOINER),
        shown,
        flags=re.IGNORECASE,
    )


def unmarked(text: str) -> str:
    """Text of unknown origin for a chat or a title: one line that names nobody and is only text."""
    shown = plain_line(text)
    shown = _CHAT_MARKS.sub(lambda found: _LOOKALIKES[found.group()], shown)
    return _CHAT_LINKS.sub(lambda found: found.group() + _JOINER, shown)


def instant(moment: datetime) -> str:
    """``2026-01-08T10:30:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _terminal(*, show_ids: bool) -> Callable[[Any], Any]:
    def finalize(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = value if show_ids else short_ids(value)
        if not isinstance(value, Message):
            return visible(text)
        shown = visible(text, LONGEST_MESSAGE)
        may_act = shown.lstrip().startswith(_ESCAPED_COLONS)
        if may_act or not isinstance(value, Statement):
            return shown
        return shown.replace(_ESCAPED_COLONS, "::")

    return finalize


def _escaped(medium: Medium, text: str) -> str:
    return _escaped_line(medium, plain_line(text))


def _escaped_line(medium: Medium, line: str) -> str:
    import markupsafe

    return _letter_by_letter(line) if medium == "markdown" else str(markupsafe.escape(line))


def _escaping(medium: Medium) -> Callable[[Any], Any]:
    import markupsafe

    def finalize(value: Any) -> Any:
        if isinstance(value, markupsafe.Markup) or not isinstance(value, str):
            return value
        return markupsafe.Markup(_escaped(medium, value))  # noqa: S704 - escaped

    return finalize


def _code(medium: Medium) -> Callable[[str], str]:
    def code(text: str) -> str:
        return _as_code(medium, plain_line(text))

    return code


def _run_id(medium: Medium) -> Callable[[str], str]:
    """The id of a run: no user's, and whole, since `restore` and `--resume` take it."""

    def run_id(text: str) -> str:
        return _as_code(medium, visible(text))

    return run_id


def _as_code(medium: Medium, line: str) -> str:
    import markupsafe

    shown = _escaped_line(medium, line)
    if medium == "xml":
        return markupsafe.Markup(shown)  # noqa: S704 - escaped
    return markupsafe.Markup(f"<code>{shown}</code>")  # noqa: S704 - escaped


def _line(medium: Medium) -> Callable[[Sequence[str]], str]:
    import markupsafe

    code = _code(medium)

    def line(parts: Sequence[str]) -> str:
        shown = (code(p) if isinstance(p, Code) else _escaped(medium, p) for p in parts)
        return markupsafe.Markup("".join(shown))  # noqa: S704 - escaped

    return line


def _prose(medium: Medium) -> Callable[[str], str]:
    """A sentence, in which what stands between backticks is code."""
    import markupsafe

    code = _code(medium)

    def prose(text: str) -> str:
        pieces = re.split(r"`([^`]+)`", plain_line(text))
        shown = (code(p) if at % 2 else _escaped(medium, p) for at, p in enumerate(pieces))
        return markupsafe.Markup("".join(shown))  # noqa: S704 - escaped

    return prose


def _fence(lines: Sequence[str], language: str = "text") -> str:
    """Lines to copy, in a block that none of them can end."""
    import markupsafe

    shown = [plain_line(line) for line in lines]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return markupsafe.Markup("\n".join([fence + language, *shown, fence]))  # noqa: S704 - in a fence


def _link(url: str) -> str:
    """The address of a run, when it can be nothing else."""
    import markupsafe

    is_plain = re.fullmatch(r"https?://[\w.:-]+(?:/[\w./-]*)?", url, re.ASCII)
    return markupsafe.Markup(url if is_plain else "#")  # noqa: S704 - letters and slashes alone


def _share(part: int, whole: int) -> str:
    return f"{100 * part // max(whole, 1)} %"


def _bar(part: int, whole: int) -> str:
    return "#" * -(-20 * part // max(whole, 1))
