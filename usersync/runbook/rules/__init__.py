"""The rules: each is a function that answers the faults it sees; importing registers them."""
