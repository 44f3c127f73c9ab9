"""Text of the API's or the user's, for Python code: as a literal, or in a comment."""

import re

__all__ = ["literal", "unambiguous"]

_UNUSUAL = re.compile(
    r"[^\x20-\x7e\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0130\u0132-\u017e\u3041-\u309f\u30a1-\u30cd\u30cf-\u30fa"
    r"\u4e00-\u4e35\u4e37-\u4e3e\u4e40-\u9fff\uac00-\ud7a3]"
)
"""Characters that do not stand in the file as they are: some look like another, which the lint refuses."""


def literal(value: object) -> str:
    """The value as Python: a text, a number, or a list or dictionary of them."""
    return _escaped(repr(value))


def unambiguous(text: str) -> str:
    """`text` for a comment: on one line, with escapes for what may look like something else."""
    return _escaped(" ".join(text.split()))


def _escaped(text: str) -> str:
    return _UNUSUAL.sub(lambda found: ascii(found[0])[1:-1], text)
