"""The columns of a new source's table, as Python."""

from deployments.new_source.draft import Draft
from deployments.new_source.literal import literal
from syncline.probe.guess import ColumnGuess

__all__ = ["declarations"]

_COLUMN_TYPES = {"int": "BigInt", "Decimal": "Amount", "Any": "JsonColumn"}
"""The column's type, where it does not follow from the Python type alone."""
_USUAL_PLACES = 2
"""What `Amount` keeps behind the point unless told otherwise."""


def declarations(draft: Draft) -> list[str]:
    """The columns of the class, each as one line of code."""
    return [_declaration(draft, column) for column in draft.guess.columns]


def _python_type(draft: Draft, column: ColumnGuess) -> str:
    """The column's Python type; a key is a whole number, or text as it comes."""
    if column == draft.key:
        return "int" if column.type == "int" else "str"
    return column.type


def _declaration(draft: Draft, column: ColumnGuess) -> str:
    kind, arguments = _python_type(draft, column), _arguments(draft, column)
    optional = " | None" if draft.is_nullable(column) and kind != "Any" else ""
    before = f"{column.name}: {kind}{optional}"
    if not arguments:
        return before
    if list(arguments) == ["default"]:
        return f"{before} = None"
    return f"{before} = Field({', '.join(f'{name}={value}' for name, value in arguments.items())})"


def _arguments(draft: Draft, column: ColumnGuess) -> dict[str, str]:
    """What `Field` is called with; nothing where the type says all."""
    kind, is_key = _python_type(draft, column), column == draft.key
    wanted = {
        "default": "None" if kind == "Any" or draft.is_nullable(column) else None,
        "alias": None if column.alias is None else literal(column.alias),
        "primary_key": "True" if is_key else None,
        "sa_type": _column_type(draft, column),
        "sa_column_kwargs": '{"autoincrement": False}' if is_key and kind == "int" else None,
        "nullable": "True" if kind == "Any" else None,
        "index": "True" if column.name == draft.guess.updated_field and not is_key else None,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _column_type(draft: Draft, column: ColumnGuess) -> str | None:
    """The column's type in the table, where the Python type does not say it."""
    kind = _python_type(draft, column)
    if column.long and kind == "str":
        return "NumberText"
    if column == draft.key and kind == "str":
        return "KeyText"
    if kind == "Decimal" and column.places != _USUAL_PLACES:
        return f"Amount(15, {column.places})"
    return _COLUMN_TYPES.get(kind)
