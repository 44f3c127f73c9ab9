"""Vectors are as Solidity 0.8 encodes them; the real contracts are called in `test_reading.py`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.portfolios.abi import (
    DECIMALS,
    aggregate3,
    balance_of,
    read_aggregate3,
    read_decimals,
    read_symbol,
    read_word,
    topic_of,
    wallet_of_topic,
)

WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
WORD = "{:064x}".format


def test_a_call_of_many_is_laid_out_as_solidity_does() -> None:
    """Compared with what `cast calldata` writes for the same two calls."""
    token = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
    expected = [
        *("82ad56cb", WORD(0x20), WORD(2), WORD(0x40), WORD(0x40 + 7 * 32 - 32)),
        *(WORD(int(token, 16)), WORD(1), WORD(0x60), WORD(36)),
        *("70a08231", WORD(int(WALLET, 16)), "00" * 28),
        *(WORD(int(token, 16)), WORD(1), WORD(0x60), WORD(4), "313ce567", "00" * 28),
    ]
    assert aggregate3([(token, balance_of(WALLET)), (token, DECIMALS)]).hex() == "".join(expected)


def answered(*results: tuple[bool, bytes]) -> bytes:
    """What Multicall3 returns."""
    heads, tails, at = b"", b"", 32 * len(results)
    for success, data in results:
        tail = success.to_bytes(32) + (64).to_bytes(32) + len(data).to_bytes(32) + data + bytes(-len(data) % 32)
        heads, tails, at = heads + at.to_bytes(32), tails + tail, at + len(tail)
    return (32).to_bytes(32) + len(results).to_bytes(32) + heads + tails


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=100)), max_size=6), st.data())
@settings(max_examples=60)
def test_an_answer_to_many_calls_is_read_back_and_a_cut_one_refused(
    results: list[tuple[bool, bytes]], data: st.DataObject
) -> None:
    """A provider that cuts its answer must not turn the rest into zeros."""
    whole = answered(*results)
    assert read_aggregate3(whole, len(results)) == [said if success else None for success, said in results]
    with pytest.raises(ValueError, match="answer"):
        read_aggregate3(whole, len(results) + 1)
    needed = len(whole) - (-len(results[-1][1]) % 32 if results else 0)
    with pytest.raises(ValueError, match="an answer is cut"):
        read_aggregate3(whole[: data.draw(st.integers(0, needed - 1))], len(results))


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_rubbish_is_no_answer(data: bytes) -> None:
    """Whatever a node returns, it is read or refused, and never more."""
    for read in (read_word, read_decimals, read_symbol):
        read(data)
    with pytest.raises(ValueError, match="answer"):
        read_aggregate3(data[:31], 1)


SYMBOLS = [
    (f"{WORD(32)}{WORD(4)}{b'USDT'.hex():0<64}", "USDT"),
    (b"MKR".hex().ljust(64, "0"), "MKR"),
    (f"{WORD(32)}{WORD(5)}{'USD₮'.encode().hex():0<64}", None),  # five of its six bytes: cut in a letter
    (f"{WORD(32)}{WORD(6)}{'USD₮'.encode().hex():0<64}", "USD₮"),
    (f"{WORD(32)}{WORD(0)}", None),
    (f"{WORD(32)}{WORD(2)}{'fffe':0<64}", None),
    (f"{WORD(32)}{WORD(40)}{'41' * 32}", None),  # shorter than it says
    (f"{WORD(32)}{WORD(65)}{'41' * 65:0<192}", None),  # too long to be a symbol
    (f"{WORD(32)}{WORD(64)}{'41' * 64}", "A" * 64),
    (f"{WORD(2**255)}{WORD(4)}{b'USDT'.hex():0<64}", None),
    (f"{WORD(32)}{WORD(4)}{'410a4100':0<64}", None),  # would break the line of a table
    (f"{WORD(32)}{WORD(6)}{b'  GLD '.hex():0<64}", "GLD"),
    (WORD(0), None),
    (WORD(18), None),
    ("", None),
    ("4d4b52", None),
]


@pytest.mark.parametrize(("data", "symbol"), SYMBOLS)
def test_symbols_are_texts_or_nothing(data: str, symbol: str | None) -> None:
    """Old tokens answer 32 bytes, some answer rubbish on purpose."""
    assert read_symbol(bytes.fromhex(data)) == symbol


@pytest.mark.parametrize(
    ("data", "decimals"),
    [
        (WORD(18), 18),
        (WORD(0), 0),
        (WORD(77), 77),
        (WORD(78), None),
        (WORD(2**256 - 1), None),
        ("", None),
        ("12", None),
    ],
)
def test_decimals_are_those_of_an_amount(data: str, decimals: int | None) -> None:
    """10**78 exceeds 256 bits."""
    assert read_decimals(bytes.fromhex(data)) == decimals


def test_wallets_are_found_in_topics() -> None:
    """And what is no address there is refused."""
    assert wallet_of_topic(topic_of(WALLET)) == WALLET[2:].lower()
    for topic in ("0x12", f"0x{'1' * 64}", f"0x{'g' * 64}"):
        with pytest.raises(ValueError, match=r"topic|invalid literal"):
            wallet_of_topic(topic)
