"""What a look at an unknown API found out, in sentences: what was seen, and what could not be proved."""

from syncline.probe.guess import Guess
from syncline.probe.prober import Look
from syncline.probe.proof import Proof
from syncline.upstreams.paging import Cursor, Keyset, Link, Offset, OnePage, PageNumber, Paging, Range

__all__ = ["doubts", "said"]


def said(guess: Guess, proof: Proof) -> tuple[str, ...]:
    """What was found, one sentence each."""
    return (
        _of_items(guess),
        _of_key(guess),
        of_paging(guess.paging),
        _of_proof(proof),
        _of_changes(guess),
        _of_columns(guess),
    )


def doubts(guess: Guess, proof: Proof, first: Look) -> tuple[str, ...]:
    """What could not be proved, one sentence each."""
    found = list(proof.doubts)
    if isinstance(proof.paging, OnePage) and first.goes_on:
        found.append("the answer says that there is more, but no way to it was found: describe the paging by hand")
    if guess.key is not None and not guess.is_whole and not isinstance(proof.paging, OnePage):
        key = guess.column(guess.key).field
        found.append(f"that `{key}` tells all items apart was seen of {guess.seen:,} items only")
    return tuple(found)


def _of_items(guess: Guess) -> str:
    place = f"at `{guess.items}`" if guess.items else "as the whole body"
    named = f", with their names at `{guess.names_at}`" if guess.names_at is not None else ""
    if guess.total_items is None:
        return f"{guess.seen} items {place}{named}; the API does not say how many there are in all"
    return f"{guess.seen} of {guess.total_items} items {place}{named}; the total stands at `{guess.total}`"


def _of_key(guess: Guess) -> str:
    if guess.key is None:
        return "no field tells the items apart: name the key yourself"
    key = guess.column(guess.key)
    return f"key `{key.field}` ({key.type})"


def of_paging(paging: Paging) -> str:
    """How pages are asked for."""
    match paging:
        case PageNumber():
            told = f"pages by number, with {_names(paging.page, paging.size)}, from {paging.first} on"
        case Offset():
            told = f"pages by offset, with {_names(paging.offset, paging.limit)}"
        case Cursor():
            told = f"pages by cursor: `{paging.cursor_at}` of the body goes into `{paging.param}`"
        case Link():
            place = f"the {paging.header} header" if paging.next_at is None else f"`{paging.next_at}`"
            told = f"pages by link, from {place}"
        case Keyset():
            told = f"pages by key: `{paging.param}` takes the last `{paging.key}`"
        case Range():
            told = f"pages by range, with the header `Range: {paging.unit}=…`"
        case _:
            told = "no paging found: the one answer is taken for everything"
    return told


def _names(*parameters: str | None) -> str:
    return " and ".join(f"`{name}`" for name in parameters if name is not None)


def _of_proof(proof: Proof) -> str:
    pages = "1 page" if proof.pages == 1 else f"{proof.pages} pages"
    if proof.end_seen and not proof.doubts:
        return f"tried out with {pages}, the last one, and what lies behind it"
    if not proof.is_whole:
        return f"tried out with {pages}; what could not be proved is said below"
    if isinstance(proof.paging, OnePage):
        return "tried out: the one answer has as many items as the API says there are"
    return f"tried out: read to its end in {pages}"


def _of_changes(guess: Guess) -> str:
    if guess.updated_field is None:
        return "no field says when an item changed: every pass reads everything"
    told = f"`{guess.column(guess.updated_field).field}` says when an item changed"
    since = guess.updated_since
    return f"{told}, and `{since}` asks for changes only" if since else f"{told}, but no parameter asks for changes"


def _of_columns(guess: Guess) -> str:
    nested = [column.name for column in guess.columns if column.type == "Any"]
    kept = f", {len(nested)} of them kept as JSON ({', '.join(nested)})" if nested else ""
    return f"{len(guess.columns)} columns{kept}"
