"""Statistics of a handful of seeds: pure functions on arrays, each with its source. No torch, no records, no drawing.

Seeds are the unit of replication; ``seeds`` holds the rules about them. What is random is drawn from a seeded
generator, so that the same numbers always give the same interval. ``tests/test_calibration.py`` measures how often the
intervals hold the truth and how often a verdict is wrong.
"""
