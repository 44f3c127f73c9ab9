"""Masks for our credentials: where an upstream repeats one, a mask is stored, and replaced again when it is sent.

Links to the next page repeat the token that they were asked with (`?access_token=…`), and such links are stored, in
checkpoints and with rejected items. A mask stands for the secret there, and the request gets the secret back.
"""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, quote_plus

__all__ = ["MASK", "Masks", "forms"]

MASK = "syncline-credential-"
"""How a mask begins; letters and dashes pass through URLs and JSON as they are."""
_LEAST_LENGTH = 6
"""A shorter secret may be an ordinary word: it is masked only as the value of a parameter for credentials."""
_PARAMETERS = ("access_token", "api_key", "apikey", "api-key", "auth", "key", "password", "token")
_PERCENT = re.compile("%[0-9A-F]{2}")
_GSON, _NET = re.compile("[=&<>']"), re.compile("[+&<>'`]")


@dataclass(frozen=True)
class Masks:
    """What hides the `secrets` of one upstream; `parameters` are the names under which it takes them.

    A mask tells which of the secrets it stands for by its number: the order of `secrets` must stay as it is.
    """

    secrets: Sequence[str]
    parameters: Sequence[str] = ()

    def hide(self, content: bytes) -> bytes:
        """`content` with a mask in place of each secret."""
        if not self.are_needed(content):
            return content
        return self._pattern.sub(lambda found: self._hidden[found[0]], content)

    def are_needed(self, content: bytes) -> bool:
        """Whether a secret stands in `content`; checked for each body, so it looks for the shortest forms only."""
        return any(form in content for form in self._telling)

    def hide_text(self, text: str) -> str:
        """As `hide`."""
        return self.hide(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def reveal(self, text: str) -> str:
        """`text` with the secrets in place of their masks."""
        return self._masks.sub(lambda found: self._values[found[0]], text) if MASK in text else text

    def reveal_in_url(self, url: str) -> str:
        """As `reveal`, each secret written as a URL takes it."""
        return self._masks.sub(lambda found: quote(self._values[found[0]], safe=""), url) if MASK in url else url

    def reveal_in_body(self, body: bytes, content_type: str) -> bytes:
        """As `reveal`, each secret written as a form, as JSON's strings or as plain text take it."""
        written: Callable[[str], str] = str
        if "x-www-form-urlencoded" in content_type:
            written = quote_plus
        elif "json" in content_type:
            written = _json_string
        text = body.decode("utf-8", "surrogateescape")
        revealed = self._masks.sub(lambda found: written(self._values[found[0]]), text)
        return revealed.encode("utf-8", "surrogateescape")

    @cached_property
    def _values(self) -> Mapping[str, str]:
        """What each mask stands for."""
        return {
            f"{MASK}{number}{kind}": value
            for number, secret in enumerate(self.secrets)
            for kind, value in _kinds(secret)
        }

    @cached_property
    def _hidden(self) -> Mapping[bytes, bytes]:
        """What is written in place of each form of a secret, the longest forms first."""
        found: dict[str, str] = {}
        for mask, value in self._values.items():
            for form in _written(value):
                if len(value) >= _LEAST_LENGTH:
                    found.setdefault(form, mask)
                else:
                    found |= {f"{name}={form}": f"{name}={mask}" for name in {*self.parameters, *_PARAMETERS}}
        longest_first = sorted(found, key=len, reverse=True)
        return {form.encode(): found[form].encode() for form in longest_first}

    @cached_property
    def _telling(self) -> tuple[bytes, ...]:
        """The forms that contain no other one."""
        return tuple(form for form in self._hidden if not any(other in form for other in self._hidden if other != form))

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        """Finds all forms; a short one must not be the beginning of another value."""
        whole = {form for form, mask in self._hidden.items() if not mask.startswith(MASK.encode())}
        ends = rb"(?![\w%.~-])"
        return re.compile(b"|".join(re.escape(form) + (ends if form in whole else b"") for form in self._hidden))

    @cached_property
    def _masks(self) -> re.Pattern[str]:
        return re.compile("|".join(sorted(map(re.escape, self._values), key=len, reverse=True)))


def forms(secret: str) -> tuple[str, ...]:
    """The secret as it may stand in a text, the longest first: plain, in base64, each also as in a URL and in JSON."""
    found = {form for _, value in _kinds(secret) for form in _written(value)}
    return tuple(sorted(found, key=len, reverse=True))


def _kinds(secret: str) -> list[tuple[str, str]]:
    """The secret and its base64, with and without padding, for files and for URLs; each with a letter of its own."""
    content = secret.encode()
    padded = (b64encode(content).decode(), urlsafe_b64encode(content).decode())
    values = [secret, *padded, *(value.rstrip("=") for value in padded)]
    return [(letter, value) for letter, value in zip("pbufv", values, strict=True)]


def _json_string(value: str) -> str:
    return json.dumps(value)[1:-1]


def _written(value: str) -> set[str]:
    """The value as it stands in texts, URLs and JSON."""
    plain = {value, quote(value, safe=""), quote(value), quote_plus(value)}
    lower = {_PERCENT.sub(lambda found: found[0].lower(), form) for form in plain}
    return {escaped for form in plain | lower for escaped in (form, *_in_json(form))}


def _in_json(form: str) -> set[str]:
    """As JSON's strings have it: in ASCII or not, and as PHP, Gson and .NET escape more than they must."""
    written = {_json_string(form), json.dumps(form, ensure_ascii=False)[1:-1]}
    gson = {_GSON.sub(lambda found: f"\\u{ord(found[0]):04x}", one) for one in written}
    net = {_NET.sub(lambda found: f"\\u{ord(found[0]):04X}", one) for one in written}
    return written | gson | net | {one.replace("/", "\\/") for one in written}
