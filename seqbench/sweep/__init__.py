"""The only place that sees all floors below: what to run, on which lanes, and what came of it."""
