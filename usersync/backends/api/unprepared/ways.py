"""The ways that can what this one cannot."""

from usersync.backends.api.client import INSTALL

#: For what only a connection sees.
CONNECTION = (
    "over a database connection: set SUPABASE_DB_URL to the connection string of the session pooler"
    " (Connect, in the dashboard)"
)

#: For what our functions can do as well.
FUNCTIONS_OR_CONNECTION = f"{CONNECTION}\nor with usersync's functions installed there: {INSTALL}"

__all__ = ["CONNECTION", "FUNCTIONS_OR_CONNECTION", "INSTALL"]
