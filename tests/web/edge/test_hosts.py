import pytest

from syncline.settings import Settings
from web.edge.hosts import Hosts


@pytest.mark.parametrize(
    ("listening", "asked", "reached", "ours"),
    [
        ("127.0.0.1", "10.0.0.5", "10.0.0.5", False),
        ("0.0.0.0", "10.0.0.5:8080", "10.0.0.5", True),  # noqa: S104 - nothing listens
        ("0.0.0.0", "10.0.0.6:8080", "10.0.0.5", False),  # noqa: S104 - the same
        ("0.0.0.0", "evil.example", "10.0.0.5", False),  # noqa: S104 - the same
        ("10.0.0.5", "10.0.0.5", "10.0.0.5", True),
        ("::", "[2001:db8::5]:8080", "2001:db8::5", True),
        ("::1", "[::1]:8080", "::1", True),
        ("127.0.0.2", "127.0.0.2:8080", "127.0.0.2", True),
        ("localhost", "evil.example", "127.0.0.1", False),
        ("sync.lan", "sync.lan:8080", "192.168.1.2", True),
        ("127.0.0.1", "localhost.", "127.0.0.1", True),
        ("127.0.0.1", "localhost..", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1:80:80", "127.0.0.1", False),
        ("127.0.0.1", "127.1", "127.0.0.1", False),
        ("127.0.0.1", "localhost\t", "127.0.0.1", False),
        ("127.0.0.1", "evil.example#localhost", "127.0.0.1", False),
        ("127.0.0.1", "localhost,evil.example", "127.0.0.1", False),
    ],
)
def test_a_name_is_ours_or_not(listening: str, asked: str, reached: str, *, ours: bool) -> None:
    """Where it listens beyond the loopback, the address by which it was reached is this machine's."""
    assert Hosts.of(Settings(host=listening)).allows(asked, reached) is ours
