"""The regression check: whether speed, learning or a count got worse, with a known rate of false alarms.

Read ``verdict.py`` first: it says what is concluded from pairs of times. ``session.py`` takes the times, ``counts.py``
compares what can be counted, ``learning.py`` what was learned, ``finding.py`` makes one exit code of all.
"""
