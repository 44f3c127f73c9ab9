"""Text that every database takes: Unicode without NUL and without halves of surrogate pairs.

PostgreSQL refuses NUL, and neither database takes a lone surrogate, which no UTF-8 can hold.
"""

from urllib.parse import unquote_to_bytes

__all__ = ["is_plain", "problem_of_target"]


def is_plain(text: str) -> bool:
    """Whether `text` can be stored."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def problem_of_target(raw_path: bytes, query: bytes) -> str | None:
    """What keeps the path or a parameter of the query from being text; None if nothing does."""
    problem = _problem(raw_path)
    if problem is not None:
        return f"the path {problem}"
    for parameter in query.split(b"&"):
        problem = _problem(parameter)
        if problem is not None:
            return f"{_name(parameter)} {problem}"
    return None


def _problem(raw: bytes) -> str | None:
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return "is not text in UTF-8"
    return "must not have a NUL character (%00)" if "\x00" in text else None


def _name(parameter: bytes) -> str:
    """The parameter's name, if it can be shown."""
    name = unquote_to_bytes(parameter.partition(b"=")[0]).decode("utf-8", "replace")
    return f"{name}:" if name.isidentifier() else "the query"
