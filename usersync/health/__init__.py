"""Health over HTTP: asking the endpoints of an app, and serving them for a target."""

from usersync.health.check import check
from usersync.health.serving import serve

__all__ = ["check", "serve"]
