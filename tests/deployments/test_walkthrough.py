"""docs/walkthrough.md says what happens."""

import argparse
import os
import re
import shlex
from pathlib import Path

import httpx
import pytest
from support import warm
from support.instance import Instance

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "walkthrough.md"
PLACEHOLDER = "…"


def _steps() -> list[tuple[str, list[str]]]:
    """Each command of the page, with the lines that it is said to print."""
    steps: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append((line.removeprefix("$ "), []))
            else:
                steps[-1][1].append(line)
    return steps


def _pattern(lines: list[str]) -> re.Pattern[str]:
    """The lines in their order; anything may stand at an ellipsis, and columns may be wider."""
    told = [".*".join(_spaced(part) for part in line.split(PLACEHOLDER)) for line in lines]
    return re.compile("\n(?:.*\n)*?".join(told))


def _spaced(text: str) -> str:
    return r"\s+".join(re.escape(word) for word in re.split(r"\s+", text))


def _run(words: list[str], env: dict[str, str]) -> str:
    """What a command prints."""
    assert words[0] == "syncline"
    done = warm.run("-m", "cli.main", *words[1:], env=env)
    return done.stdout + done.stderr


def _curl(words: list[str]) -> str:
    """What `curl` prints, which not every machine has."""
    asked = argparse.ArgumentParser()
    asked.add_argument("-s", action="store_true")
    asked.add_argument("-X", dest="method")
    asked.add_argument("-d", dest="data")
    asked.add_argument("url")
    told = asked.parse_args(words)
    method = told.method or ("GET" if told.data is None else "POST")
    return httpx.request(method, told.url, content=told.data, timeout=120).text


def test_the_walk_through_goes_as_it_is_told(calm: Instance) -> None:
    """It is the first thing that somebody does who doubts that a breaker helps."""
    feeds = {name: f"{calm.box.url}/feeds/{name}" for name in ("quests", "points")}
    env = (
        dict(os.environ)
        | calm.env
        | {f"SYNCLINE_UPSTREAMS__{name.upper()}__BASE_URL": url for name, url in feeds.items()}
    )
    env |= {"COLUMNS": "200"}
    steps = _steps()
    assert len(steps) > 10
    for command, said in steps:
        words = shlex.split(command.replace("http://127.0.0.1:8090", calm.box.url))
        printed = _curl(words[1:]) if words[0] == "curl" else _run(words, env)
        assert _pattern(said).search(printed), f"{command}\n{printed}"
