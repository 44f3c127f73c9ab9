import re

import pytest

from syncline.errors import ConfigurationError
from syncline.portfolios.address import checked

EIP55 = [  # the EIP's own
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]


@pytest.mark.parametrize("address", EIP55)
def test_an_address_is_kept_with_its_checksum_however_it_is_written(address: str) -> None:
    """The same wallet is the same account."""
    digits = address[2:]
    for written in (address, f"0x{digits.lower()}", f"0x{digits.upper()}", f"0X{digits.upper()}", f"  {address}\n"):
        assert checked(written) == address


@pytest.mark.parametrize("address", EIP55[4:])
def test_a_mistyped_digit_is_found_by_the_checksum(address: str) -> None:
    """Some nodes answer nonsense for an address that is none; coins of another wallet would be shown."""
    last = "a" if address[-1] != "a" else "b"
    with pytest.raises(ConfigurationError, match=r"whose capital letters are no checksum of it \(EIP-55\)"):
        checked(f"{address[:-1]}{last}")
    with pytest.raises(ConfigurationError, match="write them in small letters"):
        checked(address.swapcase().replace("0X", "0x"))


@pytest.mark.parametrize(
    "text",
    ["", "0x", "alice.eth", EIP55[0][2:], f"{EIP55[0]}0", EIP55[0][:-1], f"0x{'g' * 40}", f"0x{chr(0xFF11) * 40}"],
)
def test_what_is_no_address_is_refused_with_what_one_is(text: str) -> None:
    """The error says what it was given as, and repeats it in part."""
    with pytest.raises(ConfigurationError, match=r"wallet 3 is 0x and 40 hexadecimal digits, but is ") as refused:
        checked(text, what="wallet 3")
    assert f"({len(text)} characters)" in str(refused.value)
    with pytest.raises(ConfigurationError, match=re.escape(f"{'x' * 60}…'")):
        checked("x" * 1_000)
