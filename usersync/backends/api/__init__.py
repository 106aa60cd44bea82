"""The API of a Supabase project, with the service-role key, as a door to a target."""

from usersync.backends.api.door import ApiDoor
from usersync.backends.api.opening import open_door

__all__ = ["ApiDoor", "open_door"]
