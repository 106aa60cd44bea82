"""What a pull request does to sign-ups: the migrations of base and of head, built and tried."""

from usersync.comparison.verdicts import FOLDER, CompareOptions, compare

__all__ = ["FOLDER", "CompareOptions", "compare"]
