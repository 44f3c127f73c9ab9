"""Queueing: whose sync is due, in which order, by whom it is done, and what it came to."""
