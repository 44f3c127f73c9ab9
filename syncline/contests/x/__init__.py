"""X API v2, as far as mentions and lookups go.

`Mentions` are the pages of a source; `lookup` tells of up to 100 tweets whether they are still there, and public. Each
endpoint has a budget of its own, which an `Upstream` declares by the paths `MENTIONS_PATH` and `LOOKUP_PATH`.
"""

from syncline.contests.x.ids import first_id, instant_of
from syncline.contests.x.lookup import LOOKUP_PATH, MOST_IDS, LookedUp, lookup
from syncline.contests.x.mentions import MENTIONS_PATH, Mentions

__all__ = [
    "LOOKUP_PATH",
    "MENTIONS_PATH",
    "MOST_IDS",
    "LookedUp",
    "Mentions",
    "first_id",
    "instant_of",
    "lookup",
]
