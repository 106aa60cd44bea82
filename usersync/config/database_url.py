"""What a Postgres connection string says, read strictly and without a database driver.

Strictly: whatever two programs could read differently is refused, because the host that is read
here decides whether a target counts as production.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit, urlunsplit

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\[[^\]/@]*passw[^\]/@]*\]|<[^>/@]*passw[^>/@]*>", re.IGNORECASE)
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_IPV6 = re.compile(r"(?:(?<=,)|^)\[[0-9A-Fa-f:.]+\](?=[:,]|$)")
_PORTS = re.compile(r"\d{0,5}(,\d{0,5})*")

#: Parameters of other programs that people copy along; libpq refuses them.
_FOREIGN = ("pgbouncer", "connection_limit", "pool_timeout", "schema", "supa", "workaround")

_ENCODE = (
    "percent-encode special characters in the password (`@` is %40, `#` is %23, `/` is %2F, "
    "`?` is %3F, `%` is %25)"
)
_SHAPE = "a connection string looks like postgresql://USER:PASSWORD@HOST:5432/postgres"

_DIRECT_HOST = re.compile(r"db\.([a-z0-9]+)\.supabase\.(?:co|com|net|in)")
_API_HOST = re.compile(r"https?://([a-z0-9]+)\.supabase\.(?:co|com|net|in)(?:[:/].*)?")
_POOLER_HOST = re.compile(r".+\.pooler\.supabase\.(?:co|com|net|in)")
_REF = re.compile(r"[a-z0-9]+")
#: A reference as the platform makes them; nothing shorter counts behind a host of one's own.
_FULL_REF = re.compile(r"[a-z]{20}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The server that a connection string leads to; several hosts are separated by commas."""

    host: str
    hostaddr: str = ""
    port: str = ""
    user: str = ""

    @property
    def project_ref(self) -> str:
        """The Supabase project that host or user name; empty when neither does."""
        host = self.host.lower().rstrip(".")
        direct = _DIRECT_HOST.fullmatch(host)
        if direct:
            return direct.group(1)
        role, _, ref = self.user.rpartition(".")
        pattern = _REF if self.is_shared_pooler else _FULL_REF
        return ref if role and pattern.fullmatch(ref) else ""

    @property
    def is_shared_pooler(self) -> bool:
        """Whether the host is one of the platform's poolers."""
        return bool(_POOLER_HOST.fullmatch(self.host.lower().rstrip(".")))

    @property
    def is_supabase(self) -> bool:
        """Whether the host is one of the platform's."""
        host = self.host.lower().rstrip(".")
        return self.is_shared_pooler or bool(_DIRECT_HOST.fullmatch(host))

    @property
    def is_loopback(self) -> bool:
        """Whether every address it names is this machine's own: a socket or the loopback net.

        A host that is not named does not count: libpq would take it from its environment.
        """
        names = self.hostaddr or self.host
        return bool(names) and all(_is_loopback(name) for name in names.split(","))


def _is_loopback(name: str) -> bool:
    if name.startswith("/") or name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def project_ref_of_api(url: str) -> str:
    """The Supabase project of an API address, empty when it does not name one."""
    match = _API_HOST.fullmatch(url.strip().lower())
    return match.group(1) if match else ""


def is_loopback_api(url: str) -> bool:
    """Whether an API address is this machine's own."""
    authority = re.sub(r"^https?://", "", url.strip().lower()).partition("/")[0]
    return _is_loopback(re.sub(r":\d+$", "", authority).strip("[]"))


def fault(url: str) -> str:
    """What is wrong with a connection string, without a word of its contents.

    Args:
        url: the value of an environment variable.

    Returns:
        A clause that follows the name of the variable (``is not ...: do ...``), empty when the
        string can be used.
    """
    scheme = _SCHEME.match(url)
    if not scheme:
        return f"is no connection string: {_SHAPE}"
    name = scheme.group(1).lower()
    if name in {"http", "https"}:
        return (
            "is a web address, not a connection string: copy the connection string from the "
            "dashboard of the project under Connect"
        )
    if name.partition("+")[0] in {"postgres", "postgresql"} and "+" in name:
        return f"begins with `{name}://`, which is SQLAlchemy's form: write `postgresql://`"
    if name not in {"postgres", "postgresql"}:
        return f"is no Postgres connection string: {_SHAPE}"
    return _fault_behind_scheme(url[scheme.end() :])


def _fault_behind_scheme(rest: str) -> str:
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    beyond = rest[len(authority) :]
    query = _query(rest)
    server = authority.rpartition("@")[2]
    hosts, ports = _hosts_and_ports(server)
    foreign = next((key for key in query if key in _FOREIGN), "")
    sentence = ""
    if _PLACEHOLDER.search(rest):
        sentence = "still holds the placeholder for the password: put the real password there"
    elif (
        "@" in beyond
        or authority.count("@") > 1
        or re.search(r"[\s\\#]", rest)
        or re.search(r"[\[\]]", _IPV6.sub("", server))
    ):
        sentence = f"cannot be read without doubt: {_ENCODE}"
    elif _BARE_PERCENT.search(rest):
        sentence = f"has a `%` that encodes nothing: {_ENCODE}"
    elif foreign:
        sentence = f"has the parameter `{foreign}`, which Postgres does not know: remove it"
    elif not _PORTS.fullmatch(ports):
        sentence = f"has a port that is no number: {_SHAPE}; {_ENCODE}"
    elif not (query.get("host", hosts) or query.get("hostaddr")):
        sentence = f"names no host: {_SHAPE}"
    return sentence


def _query(rest: str) -> dict[str, str]:
    """The parameters, decoded as libpq does: `+` is no space."""
    pairs = (pair.partition("=") for pair in rest.partition("?")[2].split("&"))
    return {unquote(key): unquote(value) for key, _, value in pairs if key}


def _hosts_and_ports(text: str) -> tuple[str, str]:
    """Split ``a:1,b:2`` into hosts and ports."""
    hosts: list[str] = []
    ports: list[str] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(.*))?", part)
        host, port = (match.group(1), match.group(2)) if match else (part, "?")
        hosts.append(unquote(host.strip("[]")))
        ports.append(port or "")
    return ",".join(hosts), ",".join(ports) if any(ports) else ""


def endpoint(url: str) -> Endpoint:
    """The server of a connection string that has no fault.

    Args:
        url: ``postgresql://...``; :func:`fault` has nothing to say about it.
    """
    rest = url.partition("://")[2]
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    credentials, _, server = authority.rpartition("@")
    hosts, ports = _hosts_and_ports(server)
    query = _query(rest)
    return Endpoint(
        host=query.get("host", hosts),
        hostaddr=query.get("hostaddr", ""),
        port=query.get("port", ports),
        user=query.get("user", unquote(credentials.partition(":")[0])),
    )


def is_this_machine(url: str) -> bool:
    """Whether a database lives here; the near end of a tunnel to a project does not count."""
    if fault(url):
        return False
    at = endpoint(url)
    return at.is_loopback and not at.project_ref


def of_database(url: str, database: str, user: str = "") -> str:
    """The same server's address with another database, and with another user where one is named.

    Args:
        url: a connection string that has no fault.
        database: its name.
        user: who connects, with the same password.
    """
    parts = urlsplit(url)
    credentials, _, server = parts.netloc.rpartition("@")
    name, colon, password = credentials.partition(":")
    login = f"{user or name}{colon}{password}@" if user or name else ""
    return urlunsplit(parts._replace(netloc=f"{login}{server}", path=f"/{quote(database)}"))
