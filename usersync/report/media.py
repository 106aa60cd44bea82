"""What a template prints is made harmless for where it is read, so that none can forget it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from usersync.privacy import LONGEST_MESSAGE, short_ids, visible
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
def environment(medium: Medium, folder: Path | None = None) -> jinja2.Environment:
    """The templates for one medium.

    Args:
        medium: where the text is read.
        folder: a team's own templates, which may extend ours; they run in Jinja2's sandbox.
    """
    import jinja2
    from jinja2.sandbox import SandboxedEnvironment

    ours = jinja2.PackageLoader("usersync")
    made = SandboxedEnvironment(
        loader=ours
        if folder is None
        else jinja2.ChoiceLoader([jinja2.FileSystemLoader(folder), ours]),
        undefined=jinja2.StrictUndefined,
        finalize=_terminal if medium == "terminal" else _escaping(medium),
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
            "ids": short_ids,
        }
    return made


def in_markdown(text: str) -> str:
    """Text of unknown origin as GitHub shows it letter by letter: no markup, mention or link."""
    # The joiner is invisible, and stands where a mention or a link would begin.
    shown = _MARKS.sub(lambda found: f"&#{ord(found.group())};", visible(text, LONGEST_MESSAGE))
    return re.sub(
        r"&#\d+;|" + _LINKS.pattern,
        lambda found: found.group() + ("" if found.group().startswith("&#") else _JOINER),
        shown,
        flags=re.IGNORECASE,
    )


def unmarked(text: str) -> str:
    """Text of unknown origin for a chat or a title: one line that names nobody and is only text."""
    shown = visible(short_ids(text), LONGEST_MESSAGE)
    shown = _CHAT_MARKS.sub(lambda found: _LOOKALIKES[found.group()], shown)
    return _CHAT_LINKS.sub(lambda found: found.group() + _JOINER, shown)


def instant(moment: datetime) -> str:
    """``2026-01-08T10:30:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _terminal(value: Any) -> Any:
    if isinstance(value, Statement):
        shown = visible(value, LONGEST_MESSAGE)
        may_act = shown.lstrip().startswith(_ESCAPED_COLONS)
        return shown if may_act else shown.replace(_ESCAPED_COLONS, "::")
    if isinstance(value, Message):
        return visible(value, LONGEST_MESSAGE)
    return visible(value) if isinstance(value, str) else value


def _escaped(medium: Medium, text: str) -> str:
    import markupsafe

    if medium == "markdown":
        return in_markdown(text)
    return str(markupsafe.escape(visible(text, LONGEST_MESSAGE)))


def _escaping(medium: Medium) -> Callable[[Any], Any]:
    import markupsafe

    def finalize(value: Any) -> Any:
        if isinstance(value, markupsafe.Markup) or not isinstance(value, str):
            return value
        return markupsafe.Markup(_escaped(medium, value))  # noqa: S704 - escaped

    return finalize


def _code(medium: Medium) -> Callable[[str], str]:
    import markupsafe

    def code(text: str) -> str:
        shown = _escaped(medium, text)
        if medium == "xml":
            return markupsafe.Markup(shown)  # noqa: S704 - escaped
        return markupsafe.Markup(f"<code>{shown}</code>")  # noqa: S704 - escaped

    return code


def _line(medium: Medium) -> Callable[[Sequence[str]], str]:
    import markupsafe

    code = _code(medium)

    def line(parts: Sequence[str]) -> str:
        said = ((short_ids(part), isinstance(part, Code)) for part in parts)
        shown = (code(text) if is_code else _escaped(medium, text) for text, is_code in said)
        return markupsafe.Markup("".join(shown))  # noqa: S704 - escaped

    return line


def _prose(medium: Medium) -> Callable[[str], str]:
    """A sentence, in which what stands between backticks is code."""
    import markupsafe

    code = _code(medium)

    def prose(text: str) -> str:
        pieces = re.split(r"`([^`]+)`", visible(short_ids(text), LONGEST_MESSAGE))
        shown = (code(p) if at % 2 else _escaped(medium, p) for at, p in enumerate(pieces))
        return markupsafe.Markup("".join(shown))  # noqa: S704 - escaped

    return prose


def _fence(lines: Sequence[str], language: str = "text") -> str:
    """Lines to copy, in a block that none of them can end."""
    import markupsafe

    shown = [visible(line, LONGEST_MESSAGE) for line in lines]
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
