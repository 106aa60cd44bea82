"""The API of a Supabase project, with the service-role key, as a door to a target."""

from usersync.backends.api.door import ApiDoor

__all__ = ["ApiDoor"]
