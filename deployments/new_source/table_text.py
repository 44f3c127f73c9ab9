"""The class of a table, as Python."""

from __future__ import annotations

from deployments.new_source.draft import Draft
from deployments.new_source.python_text import Value, call, lay_out, literal
from syncline.probe.guess import ColumnGuess

__all__ = ["column_type", "python_type", "table_lines"]

_COLUMN_TYPES = {"int": "BigInt", "Decimal": "Amount", "Any": "JsonColumn"}
"""The column's type, where it does not follow from the Python type alone."""
_USUAL_PLACES = 2
"""What `Amount` keeps behind the point unless told otherwise."""


def table_lines(draft: Draft) -> list[str]:
    """The class, without blank lines around it."""
    names = draft.names
    return [
        f"class {names.row}(Item, table=True):",
        f'    """A row of `{names.table}`."""',
        "",
        f'    __tablename__ = "{names.table}"',
        "",
        *_notes(draft),
        *(line for column in draft.guess.columns for line in _column(draft, column)),
    ]


def python_type(draft: Draft, column: ColumnGuess) -> str:
    """The column's Python type; a key is a whole number, or text as it comes."""
    if column == draft.key:
        return "int" if column.type == "int" else "str"
    return column.type


def _notes(draft: Draft) -> list[str]:
    """What a reader must know before editing the columns."""
    if draft.place is None:
        return [
            "    # A line for each field of the API's JSON that is to be kept, such as",
            "    #   price: Decimal | None = Field(default=None, sa_type=Amount)",
            "    #   tags: Any = Field(default=None, sa_type=JsonColumn, nullable=True)",
            '    #   kind: str | None = Field(default=None, alias="@type")',
        ]
    if draft.guess.is_whole:
        return []
    total = draft.guess.total_items
    looked = f"{draft.guess.seen:,} items" if total is None else f"{draft.guess.seen:,} of {total:,} items"
    return [f"    # Only {looked} were looked at. Others may lack a field, so any but the key may be empty."]


def _column(draft: Draft, column: ColumnGuess) -> list[str]:
    kind, arguments = python_type(draft, column), _arguments(draft, column)
    optional = " | None" if draft.is_nullable(column) and kind != "Any" else ""
    before = f"{column.name}: {kind}{optional}"
    if not arguments:
        return [f"    {before}"]
    if list(arguments) == ["default"]:
        return [f"    {before} = None"]
    return lay_out(f"{before} = ", call("Field", arguments), indent=4)


def _arguments(draft: Draft, column: ColumnGuess) -> dict[str, Value]:
    """What `Field` is called with; nothing where the type says all."""
    kind, is_key = python_type(draft, column), column == draft.key
    wanted: dict[str, Value | None] = {
        "default": "None" if kind == "Any" or draft.is_nullable(column) else None,
        "alias": None if column.alias is None else literal(column.alias),
        "primary_key": "True" if is_key else None,
        "sa_type": column_type(draft, column),
        "sa_column_kwargs": '{"autoincrement": False}' if is_key and kind == "int" else None,
        "nullable": "True" if kind == "Any" else None,
        "index": "True" if column.name == draft.guess.updated_field and not is_key else None,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def column_type(draft: Draft, column: ColumnGuess) -> str | None:
    """The column's type in the table, where the Python type does not say it."""
    kind = python_type(draft, column)
    if column.long and kind == "str":
        return "NumberText"
    if column == draft.key and kind == "str":
        return "KeyText"
    if kind == "Decimal" and column.places != _USUAL_PLACES:
        return f"Amount(15, {column.places})"
    return _COLUMN_TYPES.get(kind)
