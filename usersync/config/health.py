"""What ``usersync.yaml`` may say about the health endpoints: where they are, what they answer."""

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from annotated_types import Ge, Gt, Le, MinLen
from pydantic import AfterValidator, Field, Strict

from usersync.config.document import shown
from usersync.config.section import Section
from usersync.config.sources import problem
from usersync.config.values import Comparable, Flag, Seconds, Text

HEALTH_TOKEN_ENV = "USERSYNC_HEALTH_TOKEN"  # noqa: S105 - the name of a variable


def fault_of_base_url(url: str) -> str:
    """What is wrong with the address of an app, empty when nothing is; never holds a secret."""
    try:
        parts = urlsplit(url.strip())
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return "is no address; write it like `https://app.example.com`"
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
        return "is no address; write it like `https://app.example.com`"
    if parts.username is not None or parts.password is not None:
        return "holds a name or a password; leave what stands before the `@` out"
    if parts.query or parts.fragment:
        return "ends in a `?` or a `#`; write it like `https://app.example.com`"
    return ""


def _base_url(url: str) -> str:
    fault = fault_of_base_url(url)
    if fault:
        raise problem(fault)
    return url.strip().rstrip("/")


def _path(path: str) -> str:
    if not re.fullmatch(r"/(?!/)[!-~]*", path) or "#" in path:
        raise problem(f"found `{shown(path)}`; a path begins with one `/` and has no spaces")
    return path


BaseUrl = Annotated[Text, AfterValidator(_base_url)]
HttpPath = Annotated[Text, AfterValidator(_path)]
HttpStatus = Annotated[int, Strict(), Ge(100), Le(599)]
#: Some days at most.
Grace = Annotated[float, Strict(), Ge(0), Le(999_999), Field(allow_inf_nan=False)]


class Endpoint(Section):
    """One page of the app that says how it is."""

    path: HttpPath = Field(description="Where it is, behind the address of the app.")
    status: HttpStatus = Field(200, description="The status it should answer with.")
    json_keys: Mapping[Text, Comparable] = Field(
        {}, alias="json", description="Keys that its JSON should have, each with this value."
    )
    protected: Flag = Field(
        default=False,
        description=f"It wants a bearer token, that of `{HEALTH_TOKEN_ENV}`.",
    )


def _endpoint(path: str, *, protected: bool) -> Endpoint:
    return Endpoint(path=path, json={"status": "healthy"}, protected=protected)


#: The three of the operators' page.
PUBLIC_PATH = "/health"
PROTECTED_PATHS = ("/admin/users/health-check", "/dashboard/health-check")


class Schedule(Section):
    """What should run regularly."""

    task: Text = Field("runbook.nightly-sync", description="The task, as the journal calls it.")
    within_h: Annotated[float, Strict(), Gt(0), Le(9999), Field(allow_inf_nan=False)] = Field(
        26.0, description="The longest that its last success may be ago, in hours."
    )


class Health(Section):
    """The health endpoints: those that are asked, and those that are served."""

    base_url: BaseUrl | None = Field(
        None, description="The address of the app that `health.check` asks."
    )
    endpoints: Annotated[tuple[Endpoint, ...], MinLen(1)] = Field(
        (
            _endpoint(PUBLIC_PATH, protected=False),
            *(_endpoint(path, protected=True) for path in PROTECTED_PATHS),
        ),
        description="What `health.check` asks there.",
    )
    timeout_s: Seconds = Field(
        5.0, description="The longest that an endpoint may take, asked or served."
    )
    overdue_s: Grace = Field(
        3600.0,
        description="A profile that is missing for longer makes `health.serve` say `degraded`.",
    )
    schedule: Schedule | None = Field(
        None,
        description="What should run regularly: `doctor`, `migration.verify` and `health.serve` "
        "say when it did not.",
    )
    cache_s: Seconds = Field(
        5.0, description="For so long `health.serve` gives everybody the same answer."
    )
