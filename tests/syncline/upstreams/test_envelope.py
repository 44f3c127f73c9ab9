import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.upstreams.envelope import Envelope, NoListError
from syncline.upstreams.reader import next_link


def _nested(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(values) | st.dictionaries(st.text(), values)


@pytest.mark.parametrize(
    ("items", "body"),
    [
        ("", b'[{"a":1}, {"a": 2}]'),
        ("data", b'{"total": 2, "data": [{"a":1}, {"a": 2}], "x": null}'),
        ("result.items", b'{"result": {"n": 2, "items": [{"a":1}, {"a": 2}]}}'),
        ("a.b.c.d", b'{"a":{"b":{"c":{"d":[{"a":1}, {"a": 2}]}}}}'),
        ("@odata.items", b'{"@odata.items": [{"a":1}, {"a": 2}]}'),
        ("v1\\.0.items", b'{"v1.0": {"items": [{"a":1}, {"a": 2}]}}'),
        ("data", b'\xef\xbb\xbf{"data": [{"a":1}, {"a": 2}]}'),
    ],
)
def test_items_come_out_as_they_were_sent(items: str, body: bytes) -> None:
    """The raw bytes are what the fingerprint is made of: the same item must give the same bytes."""
    assert Envelope(items=items).open(body).rows == [b'{"a":1}', b'{"a": 2}']


def test_values_beside_the_list_are_read_wherever_they_stand() -> None:
    """Cursors and totals stand next to the list, above it, or somewhere else."""
    body = (
        b'{"data": {"items": [], "page": {"next": "abc"}}, "meta": {"total": 7, "more": false}, "@odata.nextLink": "u"}'
    )
    others = ("data.page.next", "meta.total", "meta.more", "@odata.nextLink", "meta.none", "none.at.all", "data.items")
    opened = Envelope(items="data.items", others=others).open(body)
    assert opened.values == {
        "data.page.next": "abc",
        "meta.total": 7,
        "meta.more": False,
        "@odata.nextLink": "u",
    }


def test_an_odd_value_beside_the_list_does_not_hide_it() -> None:
    """PHP writes an empty object as an empty list."""
    opened = Envelope(items="data", others=("meta.total",)).open(b'{"data": [{}], "meta": []}')
    assert (opened.rows, opened.values) == ([b"{}"], {})


def test_null_in_place_of_the_list_is_an_empty_list() -> None:
    """Go writes an empty slice so."""
    assert Envelope(items="data").open(b'{"data": null}').rows == []


@pytest.mark.parametrize(
    ("items", "body", "said"),
    [
        ("data", b'{"error": "busy"}', "no list at 'data': the body has keys error; change `items`"),
        ("data", b'{"data": {"x": 1}}', "no list at 'data' ('data' is an object): the body has keys data"),
        ("data", b"[]", "no list at 'data': the body is a list; change `items`"),
        ("a.b", b'{"a": null}', "no list at 'a.b': the body has keys a"),
        ("", b"{}", "no list as the body: the body has keys none"),
        ("", b'"x"', "no list as the body: the body is text"),
    ],
)
def test_a_missing_list_says_what_there_is(items: str, body: bytes, said: str) -> None:
    """Taken for an empty list it would delete everything."""
    with pytest.raises(NoListError) as caught:
        Envelope(items=items).open(body)
    assert said in str(caught.value)


@pytest.mark.parametrize("body", [b"", b'{"data": [{"a": 1}, {"a"', b'{"data": []} trailing', b"oops"])
def test_a_broken_body_is_told_from_a_wrong_path(body: bytes) -> None:
    """A broken body is worth another try, a wrong path is not."""
    for items in ("data", ""):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - any but a NoListError
            Envelope(items=items).open(body)
        assert not isinstance(caught.value, NoListError)


BAD_ITEMS = [
    rb'{"id":2,"name":"Sale \ud83d"}',
    rb'{"id":2,"\udc95":0}',
    b'{"id":2,"price":NaN}',
    b'{"id":2,"price":[-Infinity]}',
    b'{"id":2,"price":01}',
    b'{"id":2,"name":"a\tb"}',
    b'{"id":2,"tags":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    b'{"id":2,"data":{"data":[1],"next":"x"},"name":"},{\\"","n":NaN}',
]


@pytest.mark.parametrize("bad", BAD_ITEMS)
@pytest.mark.parametrize(
    ("items", "before", "after"), [("", b"[", b"]"), ("a.data", b'{"a":{"data":[', b']},"next":"n"}')]
)
def test_an_item_that_is_no_json_is_told_from_its_neighbours(
    items: str, before: bytes, after: bytes, bad: bytes
) -> None:
    """One half of an emoji in one item must not keep the other 499 of its page out of the table."""
    others = ("next",) if items else ()
    opened = Envelope(items=items, others=others).open(before + b'{"id": 1}, ' + bad + b' ,{"id":3}' + after)
    assert opened.rows == [b'{"id": 1}', bad, b'{"id":3}']
    assert opened.values == ({"next": "n"} if items else {})


def test_a_bad_value_beside_the_list_matters_only_where_it_is_asked_for() -> None:
    """A debug field that is not read must not stop a page; a cursor that cannot be read must."""
    body = rb'{"debug": "\ud83d", "meta": {"took": NaN, "more": true, "total": 2}, "data": [{"id": 1}]}'
    asked = ("meta.more", "meta.total", "meta.none", "none", "data.next")
    opened = Envelope(items="data", others=asked).open(body)
    assert opened.rows == [b'{"id": 1}']
    assert opened.values == {"meta.more": True, "meta.total": 2}
    with pytest.raises(ValueError, match="malformed"):
        Envelope(items="data", others=("meta.took",)).open(body)


@pytest.mark.parametrize(
    "items",
    [
        b'{"id":1,"n":"a"b"},{"id":2,"n":"c"d"}',
        b'{"id":NaN',
        b'{"id":[NaN}',
        b'{"id":NaN},,{"id":2}',
        b'{"id":NaN} {"id":2}',
        b'{"id" NaN},{"id":2}',
        b'{"id":NaN},{"id":2}]',
    ],
)
def test_items_that_cannot_be_told_apart_fail_the_page(items: bytes) -> None:
    """Two items that are taken for one would have the second one deleted as gone."""
    with pytest.raises(ValueError, match=r"ends too early|cannot be told apart"):
        Envelope(items="data").open(b'{"data":[' + items + b"]}")


@given(st.lists(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), _nested, max_leaves=8)), st.data())
def test_the_outline_finds_what_a_parser_finds(values: list[object], data: st.DataObject) -> None:
    """Whatever stands in strings (brackets, quotes, backslashes) is no structure."""
    written = [json.dumps(value, ensure_ascii=data.draw(st.booleans())).encode() for value in values]
    blank = data.draw(st.sampled_from([b"", b" ", b"\n\t"]))
    body = b'{"data":[' + (blank + b"," + blank).join([*written, b"NaN"]) + b'], "next": "n"}'
    opened = Envelope(items="data", others=("next",)).open(body)
    assert opened.rows == [*written, b"NaN"]
    assert opened.values == {"next": "n"}


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://h/i?page=2>; rel="next", <https://h/i?page=9>; rel="last"', "https://h/i?page=2"),
        ('<https://h/i?page=1>; rel="prev first", </i?page=3>; title="a, b"; rel="last next"', "/i?page=3"),
        ("<?page=2>;rel=next", "?page=2"),
        ('<?a=1,2;b=3>; REL="NEXT"', "?a=1,2;b=3"),
        ('<https://h/i?page=1>; rel="previous"', None),
        ('<https://h/i>; rel="nextish"', None),
        ('<https://h/i>; title="rel=next"', None),
        ("", None),
        ("next please", None),
    ],
)
def test_the_next_page_is_found_in_a_link_header(header: str, target: str | None) -> None:
    """RFC 8288 allows commas in targets and several relations in one parameter."""
    assert next_link(header) == target
