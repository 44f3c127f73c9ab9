"""Whose certificate Prefect's server may have, where it is somebody else's."""

import os
import ssl

__all__ = ["trusted"]


def trusted(url: str) -> ssl.SSLContext | bool:
    """Whom a client of httpx trusts at `url`: as Prefect's own clients do, also an authority of the user's own.

    That is named by `PREFECT_API_SSL_CERT_FILE`, `SSL_CERT_FILE` or `SSL_CERT_DIR`. Nobody is needed without TLS, and
    reading the certificates takes 0.03 CPU s.
    """
    if url.startswith("http://"):
        return False
    file = os.environ.get("PREFECT_API_SSL_CERT_FILE") or os.environ.get("SSL_CERT_FILE")
    folder = os.environ.get("SSL_CERT_DIR")
    return ssl.create_default_context(cafile=file, capath=folder) if file or folder else True
