"""Accounts from files: good lines are stored, bad ones named, and the same file again changes nothing."""

import tracemalloc
from collections.abc import Iterator

import pytest
from support.wallets import WALLETS

from syncline.errors import FieldError
from syncline.jobs.importing import BadLine, Import, Line, parsed, store_all
from syncline.jobs.registration import Imported
from syncline.kernel_settings import AccountsSettings
from syncline.model.account import Account
from syncline.store.account_pages import WantedAccounts, page
from syncline.store.engine import Store

HOW = Import(sources=(WALLETS,), limits=AccountsSettings(), source="wallets")


def lines(text: str) -> Iterator[bytes]:
    return iter(text.encode().splitlines(keepends=True))


def told(text: str, *, is_csv: bool = True, user_id: str | None = None) -> list[tuple[int, str, object]]:
    how = Import(sources=(WALLETS,), limits=HOW.limits, source="wallets", user_id=user_id, is_csv=is_csv)
    return [
        (one.number, one.account.external_id, dict(one.account.settings))
        if isinstance(one, Line)
        else (one.number, "bad", one.reason)
        for one in parsed(lines(text), how)
    ]


def test_csv_has_a_column_for_each_setting() -> None:
    """Cells are JSON or plain text; an empty one says nothing, an empty line is passed over."""
    header = "\ufeffuser_id,external_id,weekends,timezone,chains\n"
    found = told(f'{header}ann,0xA,false,Europe/Berlin,"[1, 10]"\n\nbob, 0xB ,,,\n')
    assert found == [
        (2, "0xa", {"weekends": False, "timezone": "Europe/Berlin", "chains": [1, 10]}),
        (4, "0xb", {}),
    ]


def test_json_lines_have_the_same() -> None:
    """What a line does not say, the command does."""
    text = '{"external_id": "0xA", "settings": {"weekends": true}}\n\n{"external_id": "0xB", "source": "wallets"}'
    found = told(text, is_csv=False, user_id="ann")
    assert found == [(1, "0xa", {"weekends": True}), (3, "0xb", {})]


@pytest.mark.parametrize(
    ("text", "is_csv", "reason"),
    [
        ("external_id,user_id\nnonsense,ann", True, "external_id: a wallet's address is 0x and 40 digits, but is 'n"),
        ("external_id,user_id\n0xA", True, "has 1 columns, and the header 2"),
        ("external_id\n0xA", True, "user_id: is missing, and no --user says which"),
        ("external_id,user_id,frequency_seconds\n0xA,ann,1", True, "settings.frequency_seconds: must lie between"),
        ("external_id,user_id,source\n0xA,ann,google", True, "source: no source with accounts is named 'google'"),
        ("external_id,user_id\n0x\udcff,ann", True, "external_id: must be text in UTF-8"),
        ("nothing", False, "is no JSON"),
        ("[1]", False, "is no JSON object"),
        ('{"external_id": 1, "user_id": "ann"}', False, "external_id: must be text"),
        ('{"external_id": "0xA", "user": "ann"}', False, "user: is no column; did you mean user_id?"),
        ('{"external_id": "0xA", "user_id": "ann", "settings": [1]}', False, "settings: must be an object"),
        ('{"external_id": "0xA", "user_id": "ann", "settings": {"x": 1}}', False, "settings.x: is no setting"),
        ('{"external_id": "0x\\u0000", "user_id": "ann"}', False, "external_id: must be text"),
        ("x" * 70_000, False, "is longer than 65,536 characters"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_with_its_number_and_reason(text: str, is_csv: bool, reason: str) -> None:  # noqa: FBT001 - a row of the table
    """And the good ones around it are stored."""
    raw = text.encode(errors="surrogateescape").splitlines(keepends=True)
    good = b"0xG,ann" + b"," * raw[0].count(b",") if is_csv else b'{"external_id": "0xG", "user_id": "ann"}'
    after = good.replace(b",,", b",") if is_csv and raw[0].count(b",") == 1 else good
    how = Import(sources=(WALLETS,), limits=HOW.limits, source="wallets", user_id=None, is_csv=is_csv)
    found = list(parsed([*raw, b"\n", after], how))
    bad = found[0]
    assert isinstance(bad, BadLine)
    assert bad.number == len(raw)
    assert bad.reason.startswith(reason)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("external_id,weekend\n", "weekend: is no column; did you mean weekends?"),
        ("user_id\n", "line 1: the header must"),
        ("", "line 1: the header must"),
    ],
)
def test_a_header_that_cannot_be_is_refused_before_anything_is_stored(header: str, said: str) -> None:
    """A file of another kind is one error, not a hundred thousand."""
    with pytest.raises(FieldError, match=said.replace("?", r"\?")):
        told(header)


def test_a_file_is_imported_once_however_often_it_is_read(store: Store) -> None:
    """Interrupted or repeated, it adds what is missing; the slices are told as they are done."""
    rows = "".join(f"0x{number},user{number % 7}\n" for number in range(2_500))
    text = f"external_id,user_id\n{rows}nonsense,ann\n0x1,user1\n"
    slices: list[tuple[Imported, int]] = []
    complaints: list[BadLine] = []

    def imported() -> tuple[Imported, int]:
        slices.clear()
        return store_all(store, parsed(lines(text), HOW), actor="op", complain=complaints.append,
                         told=lambda done, bad: slices.append((done, bad)))  # fmt: skip

    assert imported() == (Imported(added=2_500, found=1), 1)
    assert [done.added for done, _ in slices] == [1_000, 2_000, 2_500]
    assert [one.number for one in complaints] == [2_502]
    assert imported() == (Imported(added=0, found=2_501), 1)
    with store.read() as connection:
        some: list[Account] = list(page(connection, WantedAccounts(user_id="user1"), limit=10).accounts)
    assert {one.user_id for one in some} == {"user1"}


def test_a_file_of_any_length_takes_no_more_memory() -> None:
    """A hundred thousand lines are read one by one."""
    many = (f'{{"external_id": "0x{number}", "user_id": "ann"}}\n'.encode() for number in range(5_000))
    how = Import(sources=(WALLETS,), limits=HOW.limits, source="wallets", is_csv=False)
    tracemalloc.start()
    try:
        assert sum(isinstance(one, Line) for one in parsed(many, how)) == 5_000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
