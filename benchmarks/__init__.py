"""How fast usersync is, side by side with what people would use instead: ``python -m benchmarks``.

Nothing here is a test: the figures are ratios from one run on one machine, printed as a table.
"""
