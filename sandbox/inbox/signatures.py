"""Whether a webhook is signed as Standard Webhooks want it (https://www.standardwebhooks.com, "Signature scheme")."""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime

PREFIX = "whsec_"
TOLERANCE_SECONDS = 300


def key_of(secret: str) -> bytes:
    """The key in a secret, which is base64 and may begin with `whsec_`; raises ValueError."""
    return b64decode(secret.removeprefix(PREFIX), validate=True)


def signature(key: bytes, webhook_id: str, timestamp: str, body: bytes) -> str:
    """The signature of version 1."""
    signed = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + b64encode(signed.digest()).decode()


def objection(headers: Mapping[str, str], body: bytes, *, secret: str, now: datetime) -> str | None:
    """What is wrong with the signature; None where one of those in the header is right."""
    given = {name: headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")}
    missing = [f"webhook-{name}" for name, value in given.items() if not value]
    if missing:
        return f"{', '.join(missing)} is missing"
    if not given["timestamp"].isdecimal() or abs(int(given["timestamp"]) - now.timestamp()) > TOLERANCE_SECONDS:
        return "webhook-timestamp is no time within five minutes of now"
    expected = signature(key_of(secret), given["id"], given["timestamp"], body).encode()
    if any(hmac.compare_digest(one.encode(errors="replace"), expected) for one in given["signature"].split(" ")):
        return None
    return "webhook-signature does not fit"
