"""The ways that can what this one cannot."""

from usersync.backends.api.client import installing
from usersync.config import Settings

#: For what only a connection sees.
CONNECTION = (
    "over a database connection: set SUPABASE_DB_URL to the connection string of the session pooler"
    " (Connect, in the dashboard)"
)


def functions_or_connection(settings: Settings) -> str:
    """For what our functions can do as well."""
    return f"{CONNECTION}\nor with usersync's functions installed there: {installing(settings)}"
