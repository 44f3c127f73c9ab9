"""Paging by a cursor that each page gives for the next: a token, a link, or its last key."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from urllib.parse import urljoin

from syncline.model.page import Json, Page
from syncline.upstreams.cursor_walk import Cursors, Next, walk_cursors
from syncline.upstreams.keyset import KeysetCursors
from syncline.upstreams.reader import Fetched, Reader
from syncline.upstreams.walk import paths_of

__all__ = ["Cursor", "Keyset", "Link", "OnePage"]


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """`cursor=…` from the body of the page before, until it gives none.

    A cursor is text, or anything else that is sent back as it was written (a number, a list as of `search_after`).

    Attributes:
        param: the parameter for the cursor.
        cursor_at: dotted path of the next cursor.
        more: dotted path of a value that is false on the last page, where the cursor alone does not tell; `!done` for
            one that is true there.
        size: the parameter for the size; None: the server decides.
        page_size: how many items are asked for.
        stable: whether a cursor names a place in the list that stays where it is when items before it go. Many hide a
            count of items, so unless it is said, rows are deleted only after a second walk has missed them too.
        may_lack: whether the server leaves `cursor_at` out on its last page, so that a list of one page never has it.
            Unless it is said, such a list has no proved end where neither a total, `more` nor a short page tells it.
    """

    param: str = "cursor"
    cursor_at: str = "next_cursor"
    more: str | None = None
    size: str | None = None
    page_size: int = 100
    stable: bool = False
    may_lack: bool = False

    @property
    def shifting(self) -> bool:
        """Unless it is declared stable."""
        return not self.stable

    @property
    def reads(self) -> tuple[str, ...]:
        """Where the body gives the next cursor, and says whether there is more."""
        return (self.cursor_at, *paths_of(self.more))

    def walk(self, reader: Reader, resume: Json) -> AsyncGenerator[Page, None]:
        """Yield the pages, from `resume` on, the next one under way while one is worked on."""
        return walk_cursors(reader, resume, _TokenCursors(self, reader))


@dataclass(frozen=True)
class _Declared(Cursors):
    """What cursors and links have in common."""

    paging: "Cursor | Link"
    reader: Reader

    @property
    def more_at(self) -> str | None:
        return self.paging.more

    @property
    def size_asked(self) -> int | None:
        return None if self.paging.size is None else self.paging.page_size


@dataclass(frozen=True)
class _TokenCursors(_Declared):
    paging: Cursor

    async def ask(self, cursor: str | None) -> Fetched:
        size = _size(self.paging)
        return await self.reader.get(size if cursor is None else {**size, self.paging.param: cursor})

    def next(self, got: Fetched, cursor: str | None) -> Next:
        del cursor
        path = self.paging.cursor_at
        told = got.values.get(path)
        if told is True:
            self.reader.fail(f"the next cursor, {path!r}, is true")
        if isinstance(told, str):
            following = told or None
        else:
            following = None if told is None or told is False else got.texts[path]
        return Next(rows=got.rows, cursor=following, is_said=path in got.values)

    @property
    def next_at(self) -> str | None:
        return None if self.paging.may_lack else self.paging.cursor_at


@dataclass(frozen=True, kw_only=True)
class Link:
    """A URL for the next page: in a header, or a value of the body; until there is none.

    Attributes:
        next_at: dotted path of the URL in the body (`next`, `links.next`, `links[rel=next].href`, `@odata.nextLink`);
            None: a header gives it.
        header: that header: `Link` is read as `<…>; rel="next"` (RFC 8288), any other (`Next-Page`) is the URL itself.
        more: dotted path of a value that is false on the last page, if there is one; `!done` for the opposite.
        size: the parameter for the size, in the first request; None: the server decides.
        page_size: how many items are asked for.
        stable: whether the link names a place in the list that stays where it is when items before it go. Most hide a
            page number or an offset, so unless it is said, rows are deleted only after a second walk has missed them.
        may_lack: whether the server leaves `next_at` out on its last page; see `Cursor.may_lack`.
    """

    next_at: str | None = None
    more: str | None = None
    header: str = "Link"
    size: str | None = None
    page_size: int = 100
    stable: bool = False
    may_lack: bool = False

    @property
    def shifting(self) -> bool:
        """Unless it is declared stable."""
        return not self.stable

    @property
    def reads(self) -> tuple[str, ...]:
        """Where the body gives the URL, and says whether there is more."""
        return (*paths_of(self.next_at), *paths_of(self.more))

    def walk(self, reader: Reader, resume: Json) -> AsyncGenerator[Page, None]:
        """Yield the pages, from `resume` on, the next one under way while one is worked on."""
        return walk_cursors(reader, resume, _LinkCursors(self, reader))


@dataclass(frozen=True)
class _LinkCursors(_Declared):
    paging: Link

    async def ask(self, cursor: str | None) -> Fetched:
        return await (self.reader.get(_size(self.paging)) if cursor is None else self.reader.follow(cursor))

    def next(self, got: Fetched, cursor: str | None) -> Next:
        del cursor
        path, header = self.paging.next_at, self.paging.header
        if path is None:
            named = got.link if header.lower() == "link" else _header(got, header)
            return Next(rows=got.rows, cursor=urljoin(got.url, named) if named else None)
        link = got.values.get(path)
        if link not in {None, False, ""} if isinstance(link, str | bool | None) else True:
            if not isinstance(link, str):
                self.reader.fail(f"the next link, {path!r}, is no URL but {got.texts[path][:80]}; change `next_at`")
            return Next(rows=got.rows, cursor=urljoin(got.url, link))
        return Next(rows=got.rows, cursor=None, is_said=path in got.values)

    @property
    def next_at(self) -> str | None:
        return None if self.paging.may_lack else self.paging.next_at


def _header(got: Fetched, name: str) -> str | None:
    return None if got.headers is None else got.headers.get(name)


@dataclass(frozen=True, kw_only=True)
class Keyset:
    """`after=KEY` with the key of the last item of the page before, until a page is empty.

    The key should be unique. Items that share one over a page's border are noticed: where the server answers with what
    lies from the key on, they come again and nothing is lost; where it answers with what lies above it, the pass ends
    without proof, and says so.

    Attributes:
        param: the parameter for the key.
        key: dotted path of the key within an item.
        more: dotted path of a value that is false on the last page, where the body has one; `!done` for the opposite.
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
    def shifting(self) -> bool:
        """Never: a key names a place in the list, not a count."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """Where the body says whether there is more."""
        return paths_of(self.more)

    def walk(self, reader: Reader, resume: Json) -> AsyncGenerator[Page, None]:
        """Yield the pages, from `resume` on, the next one under way while one is worked on."""
        return walk_cursors(reader, resume, _KeyCursors(self, reader))


class _KeyCursors(KeysetCursors):
    def __init__(self, paging: Keyset, reader: Reader) -> None:
        size_asked = None if paging.size is None else paging.page_size
        super().__init__(reader, paging.key, size_asked=size_asked, more_at=paging.more)
        self._paging = paging

    async def ask(self, cursor: str | None) -> Fetched:
        key, size = self._paging.start if cursor is None else cursor, _size(self._paging)
        return await self.reader.get(size if key is None else {**size, self._paging.param: key})


@dataclass(frozen=True, kw_only=True)
class OnePage:
    """No paging: one answer holds all items."""

    @property
    def shifting(self) -> bool:
        """Never: there is no second page."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def walk(self, reader: Reader, resume: Json) -> AsyncGenerator[Page, None]:
        """Yield the page."""
        return walk_cursors(reader, resume, _NoCursor(reader))


@dataclass(frozen=True)
class _NoCursor(Cursors):
    reader: Reader

    async def ask(self, cursor: str | None) -> Fetched:
        del cursor
        return await self.reader.get({})

    def next(self, got: Fetched, cursor: str | None) -> Next:
        del cursor
        return Next(rows=got.rows, cursor=None)

    @property
    def next_at(self) -> str | None:
        return None

    @property
    def more_at(self) -> str | None:
        return None

    @property
    def size_asked(self) -> int | None:
        return None


def _size(paging: Cursor | Link | Keyset) -> dict[str, str]:
    return {} if paging.size is None else {paging.size: str(paging.page_size)}
