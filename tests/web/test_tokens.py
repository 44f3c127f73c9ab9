import warnings
from datetime import timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from syncline.errors import MissingSettingError
from syncline.settings import Settings
from web.tokens import InvalidTokenError, issue, verify

SECRET = "a-secret-of-at-least-thirty-two-bytes"
OURS = Settings(jwt_secret=SecretStr(SECRET))
SOON = timedelta(minutes=5)


def test_a_token_says_who_it_was_issued_to() -> None:
    """The audit log names the caller."""
    assert verify(OURS, issue(OURS, "ann", SOON)) == "ann"


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"sub": "ann"}, "ann"),
        ({"userId": "u-7"}, "u-7"),
        ({"userId": 7}, "7"),
        ({"sub": "ann", "userId": 7}, "ann"),
        ({"sub": "ann", "aud": "another app", "iss": "elsewhere", "iat": 9_999_999_999}, "ann"),
    ],
)
def test_tokens_of_the_users_own_application_serve(claims: dict[str, Any], told: str) -> None:
    """The seed's tokens carry userId and no expiry, and other claims are none of our business."""
    assert verify(OURS, jwt.encode(claims, SECRET, algorithm="HS256")) == told


@pytest.mark.parametrize(
    ("claims", "word"),
    [
        ({"sub": "ann", "exp": 1}, "expired"),
        ({"sub": "ann", "exp": "tomorrow"}, "not valid"),
        ({"sub": "ann", "nbf": 99_999_999_999}, "not yet"),
        ({}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": " "}, "sub"),
        ({"sub": None, "userId": True}, "sub"),
    ],
)
def test_a_token_that_is_out_of_date_or_nameless_is_refused(claims: dict[str, Any], word: str) -> None:
    """Its bearer is told which."""
    with pytest.raises(InvalidTokenError, match=word):
        verify(OURS, jwt.encode(claims, SECRET, algorithm="HS256"))


def test_a_token_expires_to_the_second() -> None:
    """There is no leeway in which a withdrawn token still opens."""
    with pytest.raises(InvalidTokenError, match="expired"):
        verify(OURS, issue(OURS, "ann", timedelta(0)))


def forged(algorithm: str, secret: str) -> str:
    return jwt.encode({"sub": "ann"}, secret, algorithm=algorithm)


@pytest.mark.parametrize(
    "token",
    [
        forged("none", ""),
        forged("HS512", SECRET * 2),
        forged("HS384", SECRET * 2),
        forged("HS256", "another-secret-of-thirty-two-bytes"),
        forged("HS256", SECRET)[:-4] + "AAAA",
        "",
        "a.b",
        "no token",
    ],
)
def test_only_hs256_with_our_secret_opens(token: str) -> None:
    """Nobody chooses the algorithm by which we check."""
    with pytest.raises(InvalidTokenError, match="not valid"):
        verify(OURS, token)


@given(st.text())
def test_nonsense_is_refused_whatever_it_is(token: str) -> None:
    """What a stranger sends never becomes a server error."""
    with pytest.raises(InvalidTokenError):
        verify(OURS, token)


@pytest.mark.parametrize("settings", [Settings(jwt_secret=None), Settings(jwt_secret=SecretStr(""))])
def test_without_a_secret_nothing_is_signed_and_nothing_opens(settings: Settings) -> None:
    """An empty secret would let everybody sign tokens."""
    with pytest.raises(MissingSettingError, match="SYNCLINE_JWT_SECRET"):
        issue(settings, "ann", SOON)
    with pytest.raises(MissingSettingError, match="SYNCLINE_JWT_SECRET"):
        verify(settings, forged("HS256", SECRET))


def test_a_short_secret_serves_but_is_warned_of() -> None:
    """An application's present secret goes on working; RFC 7518 asks for 32 bytes."""
    short = Settings(jwt_secret=SecretStr("short"))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = issue(short, "ann", SOON)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
        assert verify(short, token) == "ann"
