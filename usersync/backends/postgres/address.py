"""Where a connection string leads, and how that is called in front of people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from psycopg.conninfo import conninfo_to_dict

from usersync.config.database_url import Endpoint

Kind = Literal["direct", "session pooler", "transaction pooler", "local", "other"]

TRANSACTION_POOLER_PORT = "6543"

#: Part of a password lands in the host when the password was not percent-encoded.
_PRINTABLE_HOST = re.compile(r"[\w.:,\[\]/-]+")


@dataclass(frozen=True, slots=True)
class Address(Endpoint):
    """The server and database of a connection string; no password."""

    database: str = ""
    sslmode: str = ""
    pins_hostaddr: bool = False
    """Whether the string says ``hostaddr``, be it nothing, so that PGHOSTADDR does not count."""

    @classmethod
    def parse(cls, conninfo: str) -> Address:
        """Read a connection string.

        Args:
            conninfo: a URL or ``key=value`` pairs, as libpq takes them.

        Raises:
            psycopg.ProgrammingError: libpq cannot read it; the text of this error may quote it.
        """
        found = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
        user = found.get("user", "")
        return cls(
            host=found.get("host", ""),
            hostaddr=found.get("hostaddr", ""),
            port=found.get("port", ""),
            user=user,
            database=found.get("dbname") or user,
            sslmode=found.get("sslmode", ""),
            pins_hostaddr="hostaddr" in found,
        )

    @property
    def kind(self) -> Kind:
        """Which of the platform's doors it is, if it is one of them."""
        if TRANSACTION_POOLER_PORT in self.port.split(","):
            return "transaction pooler"
        if self.is_shared_pooler:
            return "session pooler"
        if self.is_supabase:
            return "direct"
        return "local" if self.is_loopback else "other"

    @property
    def keeps_session(self) -> bool:
        """Whether consecutive transactions share a session, with its settings and its locks."""
        return self.kind != "transaction pooler"

    @property
    def is_readable(self) -> bool:
        """Whether host and port can be what they seem, not parts of a torn password."""
        names = self.host or self.hostaddr
        return not re.search(r"[^\d,]", self.port) and (
            not names or names.startswith("/") or bool(_PRINTABLE_HOST.fullmatch(names))
        )

    @property
    def is_login_role(self) -> bool:
        """Whether the user is one of the CLI's short-lived ones, who then becomes ``postgres``."""
        return self.user.startswith("cli_login_")

    @property
    def label(self) -> str:
        """The project if it is known, else the host."""
        return self.project_ref or self.shown_host

    @property
    def identity(self) -> str:
        """The same for every way to one server: the project, else host and port."""
        return self.project_ref or f"{self.hostaddr or self.host}:{self.port or 5432}"

    @property
    def shown_host(self) -> str:
        """The host as messages show it."""
        host = self.host or self.hostaddr
        if host.startswith("/"):
            return "local socket"
        return host if _PRINTABLE_HOST.fullmatch(host) else "unreadable host"

    def door(self, current_user: str) -> str:
        """``direct as postgres via session pooler``.

        Args:
            current_user: the role that statements run as.
        """
        via = f" via {self.kind}" if self.kind.endswith("pooler") else ""
        return f"direct as {current_user}{via}"
