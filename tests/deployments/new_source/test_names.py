from pathlib import Path

import pytest

from deployments.new_source.names import check_free, choose
from deployments.schedules.file import default_path
from syncline.errors import ConfigurationError


@pytest.mark.parametrize(
    ("source", "row"),
    [
        ("widgets", "Widget"),
        ("order_lines", "OrderLine"),
        ("categories", "Category"),
        ("addresses", "Address"),
        ("boxes", "Box"),
        ("news", "News"),
        ("status", "Status"),
        ("items", "ItemRow"),  # the base class has that name
        ("sources", "SourceRow"),
        ("exceptions", "ExceptionRow"),  # Python's own
        ("x", "XRow"),  # the constant is called X
    ],
)
def test_a_row_is_called_by_the_singular(source: str, row: str) -> None:
    """The file reads as if somebody had written it, and no name in it hides another."""
    assert choose(source, None).row == row


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("Widgets", "lower-case"),
        ("my-widgets", "lower-case"),
        ("a__b", "single underscores"),  # settings are split at two
        ("_a", "a letter first"),
        ("a_", "single underscores"),
        ("größe", "lower-case"),
        ("class", "word of Python"),
        ("json", "module 'json' of its own"),
        ("w" * 41, "at most 40"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(source: str, complaint: str) -> None:
    """It names a module, a setting, a flow and a table."""
    with pytest.raises(ConfigurationError, match=complaint):
        choose(source, None)


@pytest.mark.parametrize(
    ("source", "table", "complaint"),
    [
        ("widgets", "products", "there is a table 'products' already"),
        ("widgets", "sync_sessions", "there is a table"),
        ("widgets", "alembic_version", "there is a table"),
        ("products", None, "there is a source 'products' already"),
    ],
)
def test_what_is_taken_is_not_taken_again(source: str, table: str | None, complaint: str, tmp_path: Path) -> None:
    """Two sources in one table would delete each other's rows."""
    with pytest.raises(ConfigurationError, match=complaint):
        check_free(choose(source, table), tmp_path, default_path())


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    """Somebody may have edited it."""
    (tmp_path / "widgets.py").touch()
    with pytest.raises(ConfigurationError, match=r"widgets\.py is there already"):
        check_free(choose("widgets", None), tmp_path, default_path())
