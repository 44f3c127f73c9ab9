"""Paging by a mark that each page gives for the next: a cursor, a link, or its last key."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from urllib.parse import urljoin

import msgspec

from syncline.model.page import Json, Page
from syncline.upstreams.chain import chain
from syncline.upstreams.envelope import dotted_keys, value_at
from syncline.upstreams.reader import Fetched, Reader

__all__ = ["Cursor", "Keyset", "Link", "OnePage"]


@dataclass(frozen=True, kw_only=True)
class _Marked:
    """What the kinds of paging by marks have in common: the list may change under them, and no item is skipped."""

    @property
    def shifting(self) -> bool:
        """Never: the mark names a place in the list, not a count."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Cursor(_Marked):
    """`cursor=…` from the body of the page before, until it gives none.

    Attributes:
        param: the parameter for the cursor.
        cursor_at: dotted path of the next cursor.
        more: dotted path of a value that is false on the last page, where the cursor alone does not tell.
        size: the parameter for the size; None: the server decides.
        page_size: how many items are asked for.
    """

    param: str = "cursor"
    cursor_at: str = "next_cursor"
    more: str | None = None
    size: str | None = None
    page_size: int = 100

    @property
    def reads(self) -> tuple[str, ...]:
        """Where the body gives the next cursor, and says whether there is more."""
        return (self.cursor_at,) if self.more is None else (self.cursor_at, self.more)

    def walk(self, reader: Reader, resume: Json) -> AsyncGenerator[Page, None]:
        """Yield the pages, from `resume` on, the next one under way while one is worked on."""
        size = {} if self.size is None else {self.size: str(self.page_size)}

        async def ask(cursor: str | None) -> Fetched:
            return await reader.get(size if cursor is None else {**size, self.param: cursor})

        return chain(reader, resume, ask, self._next)

    def _next(self, got: Fetched) -> str | None:
        cursor = got.values.get(self.cursor_at)
        if got.truth(self.more) is False or isinstance(cursor, bool) or not isinstance(cursor, str | int):
            return None
        return str(cursor) or None


@dataclass(frozen=True, kw_only=True)
class Link(_Marked):
    """A URL for the next page: in a header, or a value of the body; until there is none.

    Attributes:
        next_at: dotted path of the URL in the body (`next`, `links.next`, `links[rel=next].href`, `@odata.nextLink`);
            None: a header gives it.
        header: that header: `Link` is read as `<…>; rel="next"` (RFC 8288), any other (`Next-Page`) is the URL itself.
        size: the parameter for the size, in the first request; None: the server decides.
        page_size: how many items are asked for.
    """

    next_at: str | None = None
    header: str = "Link"
    size: str | None = None
    page_size: int = 100

    @property
    def reads(self) -> tuple[str, ...]:
        """Where the body gives the URL."""
        return () if self.next_at is None else (self.next_at,)

    def walk(self, reader: Reader, resume: Json) -> AsyncGenerator[Page, None]:
        """Yield the pages, from `resume` on, the next one under way while one is worked on."""
        size = {} if self.size is None else {self.size: str(self.page_size)}

        async def ask(link: str | None) -> Fetched:
            return await (reader.get(size) if link is None else reader.follow(link))

        return chain(reader, resume, ask, self._next)

    def _next(self, got: Fetched) -> str | None:
        if self.next_at is None and self.header.lower() == "link":
            return got.link
        link = _header(got, self.header) if self.next_at is None else got.values.get(self.next_at)
        return urljoin(got.url, link) if isinstance(link, str) and link else None


def _header(got: Fetched, name: str) -> str | None:
    return None if got.headers is None else got.headers.get(name)


@dataclass(frozen=True, kw_only=True)
class Keyset(_Marked):
    """`after=KEY` with the key of the last item of the page before, until a page is empty.

    Attributes:
        param: the parameter for the key.
        key: dotted path of the key within an item.
        more: dotted path of a value that is false on the last page, where the body has one.
        size: the parameter for the size; None: the server decides.
        page_size: how many items are asked for.
        start: the parameter's value in the first request; None leaves it out.
    """

    param: str = "after"
    key: str = "id"
    more: str | None = None
    size: str | None = "limit"
    page_size: int = 100
    start: str | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """Where the body says whether there is more."""
        return () if self.more is None else (self.more,)

    def walk(self, reader: Reader, resume: Json) -> AsyncGenerator[Page, None]:
        """Yield the pages, from `resume` on, the next one under way while one is worked on."""
        size = {} if self.size is None else {self.size: str(self.page_size)}
        keys = dotted_keys(self.key)

        async def ask(after: str | None) -> Fetched:
            key = self.start if after is None else after
            return await reader.get(size if key is None else {**size, self.param: key})

        def last_key(got: Fetched) -> str | None:
            if not got.rows or got.truth(self.more) is False:
                return None
            key = value_at(msgspec.json.decode(got.rows[-1]), keys)
            if not isinstance(key, str | int) or isinstance(key, bool):
                reader.reject(f"the last item has no key at {self.key!r}; change `key`")
            return str(key)

        return chain(reader, resume, ask, last_key)


@dataclass(frozen=True, kw_only=True)
class OnePage(_Marked):
    """No paging: one answer holds all items."""

    def walk(self, reader: Reader, resume: Json) -> AsyncGenerator[Page, None]:
        """Yield the page."""

        async def ask(_mark: str | None) -> Fetched:
            return await reader.get({})

        return chain(reader, resume, ask, lambda _got: None)
