"""Which certificate authorities are trusted where Prefect's server is another's."""

import os
import ssl
from typing import Any

__all__ = ["trusted", "without_tls"]


def trusted(url: str) -> ssl.SSLContext | bool:
    """What a client of httpx verifies certificates with at `url`: as Prefect's own clients do, also a user's authority.

    That is named by `PREFECT_API_SSL_CERT_FILE`, `SSL_CERT_FILE` or `SSL_CERT_DIR`. Without TLS nothing is verified:
    reading the certificates takes 0.03 CPU s.
    """
    if url.startswith("http://"):
        return False
    file = os.environ.get("PREFECT_API_SSL_CERT_FILE") or os.environ.get("SSL_CERT_FILE")
    folder = os.environ.get("SSL_CERT_DIR")
    return ssl.create_default_context(cafile=file, capath=folder) if file or folder else True


def without_tls(url: str) -> dict[str, Any]:
    """What keeps a client of Prefect's from reading certificates that it does not need; nothing where `url` has TLS.

    Such a client takes no word for that but a context, one that trusts nobody.
    """
    return {"verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)} if url.startswith("http://") else {}
