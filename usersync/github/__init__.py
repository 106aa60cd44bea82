"""What GitHub shows: step summary, annotations, one comment on the pull request, one issue."""
