"""The text of a new source's file, whatever the API's names are."""

import ast
import tomllib
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.new_source.draft import skeleton
from deployments.new_source.literal import literal, unambiguous
from deployments.new_source.module_text import module_text
from deployments.new_source.names import IMPORTS, choose
from syncline.model.upstream import Auth, Upstream
from syncline.probe.guess import ColumnGuess

ROOT = Path(__file__).parents[3]
PARTS = skeleton(choose("parts", None), Upstream(name="parts"))
VALUES = st.text() | st.dictionaries(st.text(), st.text()) | st.lists(st.tuples(st.text(), st.text()))


def written(*aliases: str, params: tuple[tuple[str, str], ...] = ()) -> list[str]:
    """The lines of a file whose table has a column for each alias."""
    more = tuple(ColumnGuess(name=f"c{n}", alias=alias, type="str") for n, alias in enumerate(aliases))
    changed = replace(PARTS.guess, columns=(*PARTS.guess.columns, *more), is_whole=True, params=params)
    return module_text(replace(PARTS, guess=changed)).splitlines()


def strings(text: str) -> set[object]:
    """All texts that stand in the code."""
    return {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}


@given(VALUES)
def test_a_literal_means_the_value_that_it_was_made_of(value: object) -> None:
    """A field's name may hold anything, quotes and control characters included."""
    assert ast.literal_eval(literal(value)) == value
    assert literal(value).isprintable()


@given(st.text())
def test_a_comment_ends_with_its_line(text: str) -> None:
    """What stands in a comment must not become code."""
    assert len(f"# {unambiguous(text)}".splitlines()) == 1
    assert ast.dump(ast.parse(f"# {unambiguous(text)}")) == ast.dump(ast.parse(""))


@settings(max_examples=25, deadline=None)
@given(path=st.text(), header=st.text(), params=st.lists(st.tuples(st.text(), st.text()), max_size=3), doubt=st.text())
def test_nothing_of_the_apis_becomes_code(path: str, header: str, params: list[tuple[str, str]], doubt: str) -> None:
    """Each text is a literal or a comment: the file has the statements that it has for the plainest API."""
    guess = replace(PARTS.guess, path=path, params=tuple(params), doubts=(doubt,), total=header)
    upstream = Upstream(name="parts", auth=Auth.HEADER, auth_name=header)
    text = module_text(replace(PARTS, guess=guess, upstream=upstream))
    assert {path, header, *(value for pair in params for value in pair)} <= strings(text)
    plain = ast.parse(module_text(PARTS)).body
    assert [type(node) for node in ast.parse(text).body] == [type(node) for node in plain]


def test_a_template_of_jinja_in_a_name_is_a_text() -> None:
    """What an API sends is never filled in."""
    assert '    c0: str = Field(alias="{{ 7 * 7 }}{% raw %}")' in written("{{ 7 * 7 }}{% raw %}")


def test_a_literal_takes_the_quotes_that_need_fewer_escapes() -> None:
    """As the formatter would have it."""
    lines = written("plain", 'say "hi"')
    assert '    c0: str = Field(alias="plain")' in lines
    assert "    c1: str = Field(alias='say \"hi\"')" in lines


def test_what_does_not_fit_is_broken_at_its_brackets() -> None:
    """Short calls are read at a glance; of long ones first all arguments go to a line of their own, then each."""
    lines = written("a" * 80, "b" * 100, params=(("k" * 60, "v"), ("l" * 60, "w")))
    assert f'    c0: str = Field(alias="{"a" * 80}")' in lines
    at = lines.index("    c1: str = Field(")
    assert lines[at + 1 : at + 3] == [f'        alias="{"b" * 100}"', "    )"]
    at = lines.index("            params={")
    assert lines[at + 1 : at + 3] == [f'                "{"k" * 60}": "v",', f'                "{"l" * 60}": "w",']
    assert "            # or Offset, Cursor, Link, Keyset, Range, OnePage, from the same module" in lines


def test_only_what_is_used_is_imported() -> None:
    """The lint refuses an import more; one that is missing, the rehearsal of the class shows."""
    assert (
        "from syncline import BigInt, Dataset, Item, Mode, PageNumber, RestPages, Retry, Source, Tally, Upstream"
        in (written())
    )


def test_all_that_may_be_imported_is_there() -> None:
    """A name that moves would break each file that is written."""
    made: dict[str, object] = {}
    for module, names in IMPORTS.items():
        exec(f"from {module} import {', '.join(names)}", made)  # noqa: S102 - the imports of the template


def test_lines_are_as_long_as_the_project_says() -> None:
    """The file is laid out wherever the command is run, also where no pyproject.toml is near."""
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["line-length"]
    lines = written(*(f"{'w ' * 20}{'x' * n}" for n in range(80)))
    assert max(len(line) for line in lines if "noqa" not in line) <= configured
    assert any("noqa" not in line and len(line) == configured for line in lines)
