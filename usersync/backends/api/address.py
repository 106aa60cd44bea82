"""Where the API of a project is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from usersync.config import is_loopback_api, project_ref_of_api
from usersync.errors import Refused

_DASHBOARD = re.compile(r"https://(?:app\.)?supabase\.com/dashboard/project/([a-z]{20})(?:/.*)?")
_PRINTABLE_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]+")


@dataclass(frozen=True, slots=True)
class Address:
    """The address of an API, fit to be called."""

    base_url: str
    host: str
    project_ref: str
    """Empty when the address does not name a project: a stack of one's own."""


def read_url(url: str, *, variable: str) -> Address:
    """Read the address of an API.

    Args:
        url: what the variable holds.
        variable: its name, for the messages.

    Raises:
        Refused: it is no address of an API; says what it is.
    """
    text = url.strip()
    like = f"{variable} is the project's URL, https://PROJECT_REF.supabase.co (Settings, API)"
    if re.match(r"postgres(ql)?://", text):
        raise Refused(
            f"{variable} holds a connection string", f"{like}; that belongs in SUPABASE_DB_URL"
        )
    if dashboard := _DASHBOARD.fullmatch(text):
        raise Refused(
            f"{variable} leads to the dashboard, not to the API",
            f"export {variable}=https://{dashboard[1]}.supabase.co",
        )
    if not re.match(r"https?://", text):
        guess = f": did you mean https://{text}?" if _PRINTABLE_HOST.fullmatch(text) else ""
        raise Refused(f"{variable} has no https:// at its beginning{guess}", like)
    try:
        parts = urlsplit(text)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise Refused(f"{variable} is no URL", like) from None
    host = parts.hostname or ""
    if parts.username or parts.password or not _PRINTABLE_HOST.fullmatch(host):
        raise Refused(f"{variable} is no URL of an API: a host and nothing else", like)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise Refused(
            f"{variable} has something behind the host",
            f"leave that out: export {variable}={parts.scheme}://{host}{port}",
        )
    is_here = is_loopback_api(text)
    if parts.scheme == "http" and not is_here:
        raise Refused(
            f"{variable} begins with http://: the key would travel in the open",
            f"export {variable}=https://{host}{port}",
        )
    bracketed = f"[{host}]" if ":" in host else host
    return Address(
        f"{parts.scheme}://{bracketed}{port}",
        f"{host}{port}",
        project_ref_of_api(f"https://{host}"),
    )
