from datetime import UTC, datetime, timedelta

import httpx
import pytest

from syncline.upstreams.limits import Quota, read_quota

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EPOCH = int(NOW.timestamp())


@pytest.mark.parametrize(
    "headers",
    [
        {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "600"},
        {"x-rate-limit-remaining": "1", "x-rate-limit-reset": str(EPOCH + 600)},
        {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": str((EPOCH + 600) * 1000)},
        {"RateLimit-Remaining": "1", "RateLimit-Reset": "600"},
        {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "2026-03-01T12:10:00Z"},
        {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "Sun, 01 Mar 2026 12:10:00 GMT"},
        {"RateLimit": '"default";r=1;t=600'},
        {"RateLimit": '"burst";r=9;t=1, "daily";r=1;t=600'},
        {"RateLimit": "limit=100, remaining=1, reset=600"},
        {"RateLimit": '"default";r=50;t=60', "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "600"},
    ],
)
def test_the_tightest_quota_is_read(headers: dict[str, str]) -> None:
    """Providers tell the same in many forms; where there are several quotas, the one that ends first is spent first."""
    assert read_quota(httpx.Headers(headers), NOW) == Quota(remaining=1, until=NOW + timedelta(seconds=600))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-RateLimit-Remaining": "0"},
        {"X-RateLimit-Reset": "600"},
        {"X-RateLimit-Remaining": "-1", "X-RateLimit-Reset": "600"},
        {"X-RateLimit-Remaining": "many", "X-RateLimit-Reset": "600"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1e400"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999999"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(EPOCH - 1)},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0"},
        {"X-RateLimit-Remaining": "0", "RateLimit-Reset": "600"},
        {"RateLimit": '"default";r=0'},
        {"RateLimit": "nonsense"},
    ],
)
def test_junk_teaches_nothing(headers: dict[str, str]) -> None:
    """A header that makes no sense must not stop a source."""
    assert read_quota(httpx.Headers(headers), NOW) is None
