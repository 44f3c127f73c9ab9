import msgspec
import pytest

from syncline.upstreams.envelope import Envelope, NoListError
from syncline.upstreams.reader import next_link


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
        with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
            Envelope(items=items).open(body)


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
