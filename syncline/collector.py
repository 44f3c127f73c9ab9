"""Python's garbage collector, which finds nothing in what is imported, and looks at it again and again."""

import gc

__all__ = ["collect_rarely", "pass_over_imports"]

_EVERY = 50_000
"""New objects, less those that are gone, between two collections of the youngest ones; Python's own 700 are few."""
_WHILE_IMPORTING = (_EVERY, 20, 100)
"""All objects are looked at once in a hundred million: an import makes one million, and each look takes longer."""
_AFTERWARDS = (_EVERY, 10, 10)


def collect_rarely() -> None:
    """Collect seldom in this process; called before Prefect is imported, of whose time it saves a tenth.

    With Python's own settings the collector takes a third of a first load's time too: pages make no cycles.
    """
    if not gc.get_freeze_count():
        gc.set_threshold(*_WHILE_IMPORTING)


def pass_over_imports() -> None:
    """Leave what is imported by now, Prefect's million objects, out of all collections.

    Once a process: what is frozen is never freed.
    """
    if not gc.get_freeze_count():
        gc.freeze()
    gc.set_threshold(*_AFTERWARDS)
