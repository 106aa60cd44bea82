"""The direct door: psycopg 3, and the only place that knows it."""

from usersync.backends.postgres.door import PostgresDoor

__all__ = ["PostgresDoor"]
