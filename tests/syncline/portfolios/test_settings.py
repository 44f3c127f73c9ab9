import pytest

from syncline.errors import ConfigurationError
from syncline.portfolios.settings import MULTICALL3
from syncline.settings import Settings, load_settings, misspelt

TETHER = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
COIN = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
URL = "https://mainnet.example/v3/0123456789abcdef0123456789abcdef"


def load(monkeypatch: pytest.MonkeyPatch, **given: str) -> Settings:
    for name, value in given.items():
        monkeypatch.setenv(f"SYNCLINE_CHAINS__{name}", value)
    return load_settings()


@pytest.mark.parametrize(
    "tokens", [f'["{TETHER}", "{COIN.lower()}"]', f"{TETHER.lower()}, {COIN}", f"{TETHER} {COIN} {COIN}"]
)
def test_chains_are_set_by_their_number(monkeypatch: pytest.MonkeyPatch, tokens: str) -> None:
    """Addresses in either writing become one; lists are JSON, or have commas or spaces."""
    given = {"1__RPC_URL": URL, "1__TOKENS": tokens, "8453__RPC_URL": "http://localhost:8545", "8453__MULTICALL": ""}
    chains = load(monkeypatch, **given).chains
    assert set(chains) == {1, 8453}
    assert chains[1].tokens == (TETHER, COIN)
    assert (chains[1].multicall, chains[8453].multicall) == (MULTICALL3, "")
    assert chains[1].rpc_url.get_secret_value() == URL
    assert "0123456789abcdef" not in repr(chains)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("1__TOKENS", "[oops", r"SYNCLINE_CHAINS__1__TOKENS: "),
        ("1__TOKENS", "USDT", r"SYNCLINE_CHAINS__1__TOKENS: an address is 0x and 40 hexadecimal digits, but is 'usdt'"),
        ("1__MULTICALL", TETHER.replace("d", "D"), r"SYNCLINE_CHAINS__1__MULTICALL: .* checksum"),
        (
            "1__RPC_URL",
            "wss://node/secretsecretsecret",
            r"SYNCLINE_CHAINS__1__RPC_URL: must begin with http:// or https",
        ),
        ("1__CONFIRMATIONS", "-1", r"SYNCLINE_CHAINS__1__CONFIRMATIONS: .*greater than or equal to 0"),
        ("1__CALLS_PER_SECOND", "0", r"SYNCLINE_CHAINS__1__CALLS_PER_SECOND: .*greater than 0"),
        ("10__LOG_BLOCKS", "5", r"SYNCLINE_CHAINS__10__RPC_URL: field required"),
        ("MAINNET__RPC_URL", URL, r"SYNCLINE_CHAINS__MAINNET__.*valid integer"),
    ],
)
def test_what_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    """One line, with the variable, and without a node's URL."""
    with pytest.raises(ConfigurationError, match=said) as refused:
        load(monkeypatch, **{"1__RPC_URL": URL, name: value})
    assert "secretsecret" not in str(refused.value)
    assert "0123456789abcdef" not in str(refused.value)


def test_a_misspelt_setting_of_a_chain_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be ignored in silence."""
    (said,) = misspelt(load(monkeypatch, **{"1__RPC_URL": URL, "1__CONFIRMATION": "3"}))
    assert said.endswith("did you mean SYNCLINE_CHAINS__1__CONFIRMATIONS?")
