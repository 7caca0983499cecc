"""What a model costs in time and memory, measured in a process that does nothing else.

Read ``sample.py`` first: it is all that one process measures.
"""
