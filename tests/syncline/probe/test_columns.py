from decimal import Decimal

import pytest

from syncline.probe.columns import guess_columns, guess_key, guess_updated


@pytest.mark.parametrize(
    ("field", "values", "kind"),
    [
        ("n", [1, 2**63 - 1], "int"),
        ("n", [1, 2**63], "str"),
        ("n", [18446744073709551615, -(10**30)], "str"),
        ("flag", [True, False], "bool"),
        ("flag", [True, 1], "Any"),
        ("price", [Decimal("1.50"), 3], "Decimal"),
        ("price", [Decimal("1.505")], "float"),
        ("price", [Decimal("1E+5")], "float"),
        ("ratio", [Decimal("0.5")], "float"),
        ("price", [3, 4], "int"),
        ("price", [Decimal("9999999999999.99")], "Decimal"),
        ("price", [Decimal("12345678901234.56"), 1], "str"),
        ("ratio", [Decimal("59.93428031234567")], "float"),
        ("ratio", [Decimal("0.12345678901234567890")], "str"),
        ("ratio", [Decimal("0.5"), 2**60 + 1], "str"),
        ("ratio", [Decimal("1E+400")], "str"),
        ("at", ["2026-03-01T10:00:00Z", "2026-03-01 10:00:00.123Z"], "datetime"),
        ("at", ["2026-03-01T10:00:00"], "datetime"),
        ("at", ["2026-03-01T10:00:00Z", ""], "str"),
        ("on", ["2026-03-01"], "date"),
        ("zip", ["01234"], "str"),
        ("tags", [["a"]], "Any"),
        ("nested", [{"a": 1}], "Any"),
        ("mixed", ["a", 1], "Any"),
        ("nothing", [None], "Any"),
    ],
)
def test_a_type_is_one_that_all_values_have(field: str, values: list[object], kind: str) -> None:
    """A type that fits the first item only rejects the others."""
    (column,) = guess_columns([{field: value} for value in values])
    assert column.type == kind


def test_numbers_that_are_too_long_are_told_from_text() -> None:
    """They are kept digit for digit, by a column type of their own."""
    columns = guess_columns([{"id": 2**64, "wei": 5, "name": "a"}, {"id": 1, "wei": 10**30, "name": "b"}])
    assert {column.name: (column.type, column.long) for column in columns} == {
        "id": ("str", True),
        "wei": ("str", True),
        "name": ("str", False),
    }


def test_null_in_any_item_or_a_missing_field_makes_a_column_nullable() -> None:
    """Many APIs leave out what is null."""
    columns = guess_columns([{"id": 1, "a": None, "b": 1}, {"id": 2, "a": 2}])
    assert {column.name: column.nullable for column in columns} == {"id": False, "a": True, "b": True}


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("updatedAt", "updatedAt"),
        ("unit price", "unit_price"),
        ("@type", "type"),
        ("2fa", "field_2fa"),
        ("class", "class_"),
        ("metadata", "metadata_"),
        ("copy", "copy_"),
        ("model_name", "model_name_"),
        ("model_dump", "field_model_dump"),
        ("model_validate_2", "field_model_validate_2"),
        ("source", "source_"),
        ("fingerprint", "fingerprint_"),
        ("_id", "id"),
        ("größe", "gr_e"),
        ("§", "field"),
        ("", "field"),
        ("a.b", "a_b"),
    ],
)
def test_names_that_a_table_cannot_have_get_an_alias(field: str, name: str) -> None:
    """The file that is written from them must run."""
    (column,) = guess_columns([{field: 1}])
    assert column.name == name
    assert column.name.isidentifier()
    assert column.alias == (None if name == field else field)


def test_names_that_clash_are_told_apart() -> None:
    """SQL does not tell cases apart."""
    columns = guess_columns([{"id": 1, "ID": 2, "_id": 3, "unit-price": 4, "unit price": 5}])
    assert [column.name for column in columns] == ["id", "ID_2", "id_3", "unit_price", "unit_price_2"]


@pytest.mark.parametrize(
    ("rows", "key"),
    [
        ([{"sku": "a", "id": 1}, {"sku": "b", "id": 2}], "id"),
        ([{"sku": "a", "id": None}, {"sku": "b", "id": 2}], "sku"),
        ([{"sku": "a", "id": 1}, {"sku": "b", "id": 1}], "sku"),
        ([{"UUID": "a"}, {"UUID": "b"}], "UUID"),
        ([{"_id": "a"}, {"_id": "b"}], "id"),
        ([{"title": "a", "order_id": 4}, {"title": "b", "order_id": 5}], "order_id"),
        ([{"title": "a"}, {"title": "b"}], None),
        ([{"id": 1.5}, {"id": 2.5}], None),
        ([{"id": {"a": 1}}], None),
        ([{"id": 2**64}, {"id": 10**30}], "id"),
        ([{"id": 2**64}, {"id": 2**64}], None),
    ],
)
def test_the_key_is_never_null_and_never_twice(rows: list[dict[str, object]], key: str | None) -> None:
    """A wrong key lets items overwrite each other."""
    found = guess_key(guess_columns(rows), rows)
    assert (None if found is None else found.name) == key


@pytest.mark.parametrize(
    ("row", "updated"),
    [
        ({"created_at": "2026-03-01T10:00:00Z", "updatedAt": "2026-03-01T10:00:00Z"}, "updatedAt"),
        ({"lastModifiedDateTime": "2026-03-01T10:00:00Z"}, "lastModifiedDateTime"),
        ({"updated": True}, None),
        ({"modified": "yesterday"}, None),
        ({"updated_at": None}, None),
    ],
)
def test_the_field_of_changes_holds_an_instant(row: dict[str, object], updated: str | None) -> None:
    """The cursor is made of it."""
    found = guess_updated(guess_columns([row]))
    assert (None if found is None else found.name) == updated
