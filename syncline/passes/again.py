"""The second walk over a list whose keys rise, behind a first that covered it: only what the first missed is noted.

Noting each key would write as many rows as the table has. What the first walk saw is what is stored in the range that
it covered and was not found missing there; so the second notes the keys that were missing, and those behind the range.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from syncline.model.page import Key
from syncline.passes.batch import Batch, Sight
from syncline.passes.codec import ItemCodec
from syncline.passes.state import PassState
from syncline.store.item_rows import ItemRows
from syncline.store.pass_keys import PassKeys

__all__ = ["covers", "sight"]

_RANGE_SLACK = 2_000
"""How many more rows than a batch has items a range may hold before keys are looked up one by one."""
_MOST_MISSING = 20_000
"""So many missing keys are read for each batch; where there are more, each key of the walk is noted instead."""


def covers(covered_to: Any, key: Any) -> bool:  # noqa: ANN401 - keys of one table have one type
    """Whether the range up to `covered_to` holds `key`."""
    return covered_to is not None and bool(key <= covered_to)


def sight(  # noqa: PLR0917 - what a page writer has
    connection: Connection, codec: ItemCodec, rows: ItemRows, seen: PassKeys, state: PassState, batch: Batch
) -> Sight | None:
    """What is known of the batch's items; None where that must be looked up key by key."""
    limit = 2 * len(batch.items) + _RANGE_SLACK
    known = rows.known_between(connection, state.again_to, next(reversed(batch.items)), limit)
    missing = seen.missing(connection, limit=_MOST_MISSING)
    if known is None or missing is None:
        return None
    late = [key for key in batch.items if not covers(state.covered_to, key) or (missing and str(key) in missing)]
    before: dict[Key, int] = dict.fromkeys(known.keys() & batch.items.keys(), 1)
    for key in late:
        before.pop(key, None)
    others = [key for key in batch.items if key not in before]
    if others:
        before |= seen.seen_among(connection, others, covered_to=state.covered_to, stored=known)
    changed = [key for key in before if key in known and known[key][0] != codec.raw_fingerprint(batch.items[key])]
    rewritten = rows.written_since(connection, changed, state.started_at) if changed else set["Key"]()
    seen.add_seen(connection, late, walk=state.walk)
    return Sight(known=known, seen=before, rewritten=rewritten, ordered=False, again_ordered=True, mode=state.mode)
