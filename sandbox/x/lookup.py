"""Tweets by their ids."""

import re
from collections.abc import Sequence

from sandbox.x.problems import InvalidRequestError, Json, tweet_not_authorized, tweet_not_found, tweet_problem
from sandbox.x.world import X

MOST_IDS = 100


def read_ids(text: str | None) -> list[str]:
    """The ids that are asked for.

    Raises:
        InvalidRequestError: there are none or too many, or one is no number.
    """
    ids = (text or "").split(",") if text else []
    if not ids:
        raise InvalidRequestError("ids", "", "The `ids` query parameter can not be empty")
    if len(ids) > MOST_IDS:
        said = f"The number of values in the `ids` query parameter list [{len(ids)}] is not between 1 and {MOST_IDS}"
        raise InvalidRequestError("ids", text or "", said)
    for one in ids:
        if not re.fullmatch(r"[0-9]{1,19}", one):
            raise InvalidRequestError(
                "ids", one, f"The `ids` query parameter value [{one}] does not match ^[0-9]{{1,19}}$"
            )
    return ids


def look_up(x: X, ids: Sequence[str], fields: Sequence[str]) -> Json:
    """The answer: tweets that everybody sees, and `errors` for those that are not to be seen.

    Of some that are gone nothing is said, as at X; where nothing is said of any, the answer is an empty object.
    """
    data: list[Json] = []
    errors: list[Json] = []
    with x.tweets.lock:
        for tweet_id in dict.fromkeys(ids):
            tweet = x.tweets.get(int(tweet_id))
            if tweet_id in x.problems:
                errors.append(tweet_problem(tweet_id, x.problems[tweet_id]))
            elif tweet is None or tweet.id in x.tweets.deleted:
                errors += [] if x.is_silent(tweet_id) else [tweet_not_found(tweet_id)]
            elif tweet.author_id in x.tweets.protected:
                errors.append(tweet_not_authorized(tweet_id))
            else:
                data.append(tweet.as_json(fields))
    return ({"data": data} if data else {}) | ({"errors": errors} if errors else {})
