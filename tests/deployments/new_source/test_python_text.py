import ast

from hypothesis import given
from hypothesis import strategies as st

from deployments.new_source.python_text import WIDTH, Value, call, lay_out, literal, mapping, width


@given(st.text())
def test_a_literal_means_the_text_that_it_was_made_of(text: str) -> None:
    """A field's name may hold anything, quotes and control characters included."""
    assert ast.literal_eval(literal(text)) == text
    assert literal(text).isprintable()


def test_a_literal_takes_the_quotes_that_need_fewer_escapes() -> None:
    """As the formatter would have it."""
    assert literal("plain") == '"plain"'
    assert literal('say "hi"') == "'say \"hi\"'"


def test_what_fits_stays_on_one_line() -> None:
    """Short calls are read at a glance."""
    assert lay_out("x = ", call("f", {"a": "1"}), indent=4) == ["    x = f(a=1)"]


def test_what_does_not_fit_is_broken_at_its_brackets() -> None:
    """First all arguments go to a line of their own, then each; a comment stands between them."""
    long: dict[str, Value] = {name * 29: '"value"' for name in "abc"}
    head, inner, tail = lay_out("x = ", call("f", long))
    assert (head, tail) == ("x = f(", ")")
    assert width(inner) <= WIDTH
    each = lay_out("x = ", call("f", {"# why": "", **long, "d": mapping({"k": "v"})}, exploded=True))
    assert each[1] == "    # why"
    assert each[-2:] == ['    d={"k": "v"},', ")"]
