"""One page of a feed as an answer, and what the faults of data do to it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import orjson
from aiohttp import web

from sandbox.answers import RefusedError, json_bytes
from sandbox.fault_book import Order
from sandbox.faults import BadRows, MovingRows, PageCap
from sandbox.feeds.feed import FIRST_SERIAL, Feed, Tail
from sandbox.paging import LARGEST_SIZE, PAGING_PARAMETERS, PageRequest, next_query, read_page_request
from sandbox.upstream import struck_by


def answer_page(feed: Feed, request: web.Request) -> web.Response:
    """The page that a request asks for.

    Raises:
        RefusedError: a parameter is wrong.
    """
    caps = [fault.size for _, fault in struck_by(request, PageCap)]
    with feed.lock:
        asked, start = _place(feed, request, min([LARGEST_SIZE, *caps]))
        serials = (
            feed.serials[start : start + asked.size] if asked is not None else feed.serials[: min(caps, default=None)]
        )
        tail = _tail(feed, request, asked, start, serials)
        bodies = feed.bodies(serials)
        for order, fault in struck_by(request, MovingRows):
            _move(feed, serials, start, order, fault)
    for _, bad in struck_by(request, BadRows):
        bodies = _spoiled(feed, bodies, bad)
    header = feed.kind.in_header and tail.next_url is not None
    return json_bytes(
        feed.kind.envelope(bodies, tail), headers={"Link": f'<{tail.next_url}>; rel="next"'} if header else None
    )


def _place(feed: Feed, request: web.Request, cap: int) -> tuple[PageRequest | None, int]:
    """What is asked for, and from which position on; None: all of it."""
    if feed.kind.paging is None:
        return None, 0
    asked = read_page_request({**request.query, "paging": feed.kind.paging}, None, cap=cap)
    return asked, feed.behind(_serial(asked)) if asked.mark else asked.start


def _serial(asked: PageRequest) -> int:
    """The serial number in a cursor of ours, or at the end of a key."""
    try:
        if asked.kind == "keyset":
            return int(asked.mark.rpartition("-")[2])
        return int(urlsafe_b64decode(asked.mark + "=" * (-len(asked.mark) % 4)))
    except ValueError:
        raise RefusedError(400, f"`{asked.mark}` is not one of ours.") from None


def _tail(feed: Feed, request: web.Request, asked: PageRequest | None, start: int, serials: list[int]) -> Tail:
    stop = start + len(serials)
    if asked is None or not serials or stop >= len(feed):
        return Tail(total=len(feed), next_cursor=None, next_url=None)
    cursor = urlsafe_b64encode(str(serials[-1]).encode()).decode().rstrip("=")
    mark = cursor if asked.kind == "cursor" else str(feed.key(serials[-1]))
    kept = {name: text for name, text in request.query.items() if name not in PAGING_PARAMETERS}
    following = {name: text for name, text in next_query(asked, stop, mark).items() if name != "paging"}
    return Tail(total=len(feed), next_cursor=cursor, next_url=str(request.url.with_query({**kept, **following})))


def _move(feed: Feed, serials: list[int], start: int, order: Order, fault: MovingRows) -> None:
    if fault.mode == "insert_early":
        order.touched += [feed.key(serial) for serial in feed.create(fault.rows, early=True)]
        return
    early = fault.mode == "delete_early"
    stop = start + len(serials)
    for serial in (serials if early else feed.serials[stop:])[: fault.rows]:
        order.touched.append(feed.key(serial))
        (feed.delete if early else feed.update)(serial)


def _spoiled(feed: Feed, bodies: list[bytes], fault: BadRows) -> list[bytes]:
    """Items at even distances broken: without a key, without a title, with one that is no text, in turn."""
    spoiled = list(bodies)
    count = min(fault.rows, len(bodies))
    for turn in range(count):
        place = turn * len(bodies) // count
        item = orjson.loads(bodies[place])
        field, value = ((feed.kind.key, None), (feed.kind.title, None), (feed.kind.title, FIRST_SERIAL))[turn % 3]
        item[field] = value
        spoiled[place] = orjson.dumps(item)
    return spoiled
