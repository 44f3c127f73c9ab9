"""results.json, of which each part of the benchmark writes its own keys."""

from pathlib import Path
from typing import Any

import msgspec

__all__ = ["save"]


def save(path: Path, part: bytes) -> None:
    """Put the keys of the JSON object `part` into the file, and leave the others as they are."""
    document: dict[str, Any] = msgspec.json.decode(path.read_bytes()) if path.is_file() else {}
    document |= msgspec.json.decode(part)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
