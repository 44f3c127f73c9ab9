"""How X says that something is wrong: of the request as a whole, or of one thing that was asked for."""

from typing import Any

PROBLEMS = "https://api.twitter.com/2/problems/"

Json = dict[str, Any]


class InvalidRequestError(Exception):
    """A parameter is wrong: 400."""

    def __init__(self, parameter: str, value: str, message: str) -> None:
        super().__init__(message)
        self.body: Json = {
            "errors": [{"parameters": {parameter: [value]}, "message": message}],
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": f"{PROBLEMS}invalid-request",
        }


UNAUTHORIZED: Json = {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}
TOO_MANY: Json = {"title": "Too Many Requests", "type": "about:blank", "status": 429, "detail": "Too Many Requests"}


def user_not_found(user_id: str) -> Json:
    """The entry of `errors` for a user whom nobody knows."""
    return {**_NOT_FOUND, **_about("user", "id", user_id), "detail": f"Could not find user with id: [{user_id}]."}


def tweet_not_found(tweet_id: str) -> Json:
    """The entry of `errors` for a tweet that is gone, or never was."""
    said = f"Could not find tweet with ids: [{tweet_id}]."
    return {**_NOT_FOUND, **_about("tweet", "ids", tweet_id), "detail": said}


def tweet_problem(tweet_id: str, kind: str) -> Json:
    """The entry of `errors` for a tweet with a problem of any kind."""
    said = f"Something is the matter with tweet: [{tweet_id}]."
    return {"title": "Problem", "type": f"{PROBLEMS}{kind}", **_about("tweet", "ids", tweet_id), "detail": said}


def tweet_not_authorized(tweet_id: str) -> Json:
    """The entry of `errors` for a tweet of an author who is protected."""
    said = f"Sorry, you are not authorized to see the Tweet with ids: [{tweet_id}]."
    return {**_NOT_AUTHORIZED, **_about("tweet", "ids", tweet_id), "detail": said}


_NOT_FOUND: Json = {"title": "Not Found Error", "type": f"{PROBLEMS}resource-not-found"}
_NOT_AUTHORIZED: Json = {
    "title": "Authorization Error",
    "section": "data",
    "type": f"{PROBLEMS}not-authorized-for-resource",
}


def _about(resource: str, parameter: str, value: str) -> Json:
    return {"value": value, "resource_id": value, "resource_type": resource, "parameter": parameter}
