"""What the faults of data do to tweets."""

from sandbox.faults import MovingRows
from sandbox.x.problems import Json
from sandbox.x.tweets import Tweets


def move(tweets: Tweets, page: list[int], fault: MovingRows) -> list[int | str]:
    """Have tweets come or go right after a page was read; answers their ids."""
    if fault.mode == "insert_early":
        return list[int | str](tweets.add(fault.rows))
    gone: list[int | str] = [str(tweet_id) for tweet_id in page[: fault.rows]]
    for tweet_id in gone:
        tweets.delete(str(tweet_id))
    return gone


def spoiled(rows: list[Json], wanted: int) -> list[Json]:
    """Tweets at even distances broken: without an id, without a text, with a time that is none, in turn."""
    broken = list(rows)
    count = min(wanted, len(rows))
    for turn in range(count):
        place = turn * len(rows) // count
        field, value = (("id", None), ("text", None), ("created_at", "yesterday"))[turn % 3]
        broken[place] = {**broken[place], field: value}
    return broken
