from datetime import timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from deployments.secrets_file import short_secrets
from syncline.errors import ConfigurationError, MissingSettingError
from syncline.settings import Settings
from web.tokens import InvalidTokenError, Role, issue, verify

SECRET = "a-secret-of-at-least-thirty-two-bytes"
OURS = Settings(jwt_secret=SecretStr(SECRET))
SOON = timedelta(minutes=5)
LATE = 9_999_999_999


def signed(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, SECRET, algorithm="HS256")


def test_a_token_says_who_it_was_issued_to_and_as_what() -> None:
    """The audit log names the caller; only an operator may do what is an operator's."""
    ours, theirs = verify(OURS, issue(OURS, "ann", SOON)), verify(OURS, issue(OURS, "bob", SOON, role=Role.USER))
    assert (ours.subject, ours.role, theirs.subject, theirs.role) == ("ann", Role.OPERATOR, "bob", Role.USER)


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"sub": "ann"}, "ann"),
        ({"userId": "u-7"}, "u-7"),
        ({"userId": 7}, "7"),
        ({"sub": "ann", "userId": 7}, "ann"),
        ({"sub": "ann", "aud": "another app", "iss": "elsewhere", "iat": LATE, "jti": 7}, "ann"),
    ],
)
def test_tokens_of_the_users_own_application_serve(claims: dict[str, Any], told: str) -> None:
    """The seed's tokens carry userId, and other claims are none of our business."""
    assert verify(OURS, signed({**claims, "exp": LATE})).subject == told


@pytest.mark.parametrize("role", [None, "", "user", "Operator", "admin", ["operator"], {"operator": True}, True, 1])
def test_only_the_role_of_an_operator_makes_one(role: object) -> None:
    """Any other value, and none, is a user's."""
    claims = {"sub": "ann", "exp": LATE}
    assert verify(OURS, signed(claims if role is None else {**claims, "role": role})).role is Role.USER


@pytest.mark.parametrize(
    ("claims", "word"),
    [
        ({"sub": "ann", "exp": None}, "exp"),
        ({"sub": "ann", "exp": 1}, "expired"),
        ({"sub": "ann", "exp": "tomorrow"}, "not valid"),
        ({"sub": "ann", "exp": [LATE]}, "not valid"),
        ({"sub": "ann", "exp": 1e400}, "not valid"),
        ({"sub": "ann", "nbf": LATE}, "not yet"),
        ({"sub": "ann", "nbf": "soon"}, "not valid"),
        ({}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": " "}, "sub"),
        ({"sub": "a\x00b"}, "sub must be text"),
        ({"sub": "a\ud800b"}, "sub must be text"),
        ({"userId": "a" * 201}, "userId must be text"),
        ({"sub": 10**300}, "sub must be text"),
        ({"sub": None, "userId": True}, "sub"),
    ],
)
def test_a_token_that_is_out_of_date_or_nameless_is_refused(claims: dict[str, Any], word: str) -> None:
    """Its bearer is told which; a name that no database could store is refused."""
    with pytest.raises(InvalidTokenError, match=word):
        verify(OURS, signed({"exp": LATE, **claims}))


def test_a_token_that_never_expires_is_refused() -> None:
    """One that has leaked would open the door for ever."""
    with pytest.raises(InvalidTokenError, match="exp"):
        verify(OURS, signed({"sub": "ann"}))


def test_a_token_expires_to_the_second() -> None:
    """There is no leeway in which a withdrawn token still opens."""
    with pytest.raises(InvalidTokenError, match="expired"):
        verify(OURS, issue(OURS, "ann", timedelta(0)))


def forged(algorithm: str, secret: str) -> str:
    return jwt.encode({"sub": "ann", "exp": LATE}, secret, algorithm=algorithm)


@pytest.mark.parametrize(
    "token",
    [
        forged("none", ""),
        forged("HS512", SECRET * 2),
        forged("HS384", SECRET * 2),
        forged("HS256", "another-secret-of-thirty-two-bytes"),
        forged("HS256", SECRET)[:-4] + "AAAA",
        forged("HS256", SECRET) + "A" * 4_096,
        "A" * 1_000_000,
        "",
        "a.b",
        "no token",
    ],
    ids=lambda token: token[:12],
)
def test_only_hs256_with_our_secret_opens(token: str) -> None:
    """A token cannot choose the algorithm by which it is checked, and one that is too long is not decoded."""
    with pytest.raises(InvalidTokenError, match="not valid"):
        verify(OURS, token)


@given(st.text())
def test_nonsense_is_refused_whatever_it_is(token: str) -> None:
    """What a stranger sends never becomes a server error."""
    with pytest.raises(InvalidTokenError):
        verify(OURS, token)


@pytest.mark.parametrize("settings", [Settings(jwt_secret=None), Settings(jwt_secret=SecretStr(""))])
def test_without_a_secret_nothing_is_signed_and_nothing_opens(settings: Settings) -> None:
    """With an empty secret, any client could sign tokens."""
    with pytest.raises(MissingSettingError, match="SYNCLINE_JWT_SECRET"):
        issue(settings, "ann", SOON)
    with pytest.raises(MissingSettingError, match="SYNCLINE_JWT_SECRET"):
        verify(settings, forged("HS256", SECRET))


@pytest.mark.parametrize("secret", ["short", "x" * 31, "\u00fc" * 15])
def test_a_short_secret_neither_signs_nor_opens(secret: str) -> None:
    """It can be guessed from one token, away from our doors; RFC 7518 asks for 32 bytes."""
    short = Settings(jwt_secret=SecretStr(secret))
    with pytest.raises(ConfigurationError, match="SYNCLINE_JWT_SECRET is shorter than 32 bytes"):
        issue(short, "ann", SOON)
    with pytest.raises(ConfigurationError, match="SYNCLINE_JWT_SECRET is shorter than 32 bytes"):
        verify(short, "anything")


def test_short_secrets_are_found_by_their_settings() -> None:
    """`syncline up` and `doctor` name them; one that is not set is another matter."""
    settings = Settings.model_validate({"jwt_secret": "x" * 31, "cron_secret": "", "internal_api_key": "x" * 32})
    assert short_secrets(settings) == ["SYNCLINE_JWT_SECRET", "CRON_SECRET"]
    assert short_secrets(Settings.model_validate({"jwt_secret": None, "cron_secret": "\u00fc" * 16})) == []
