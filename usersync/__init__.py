"""Keep a Supabase app's profile table in step with ``auth.users``."""

__version__ = "0.1.0"
