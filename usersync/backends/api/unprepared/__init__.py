"""A project whose database has none of our functions, over the API that every project has."""

from usersync.backends.api.unprepared.door import UnpreparedDoor

__all__ = ["UnpreparedDoor"]
