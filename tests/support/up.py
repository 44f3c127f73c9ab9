"""A whole `syncline up --demo` of a user without a past, in a terminal; and the processes that it starts."""

import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from support.instance import eventually, free_port
from support.terminal import Listener, Terminal, fresh_env, listening, terminal
from syncline.settings import Settings

__all__ = ["WEB_HOST", "Up", "running_up"]

WEB_HOST = "127.0.0.2"
"""Another address than Prefect's, as `SYNCLINE_HOST` may set it."""
SYNCLINE = str(Path(sys.executable).with_name("syncline"))


@dataclass(frozen=True, kw_only=True)
class Up:
    """What runs, and how to look at it."""

    folder: Path
    env: dict[str, str]
    proxy: Listener
    shown: Terminal

    @property
    def settings(self) -> Settings:
        """The instance's settings, with the secrets that it made."""
        made = Settings(_env_file=self.folder / "state" / "secrets.env")  # pyright: ignore[reportCallIssue] - a keyword of pydantic-settings
        ports = {
            name: int(self.env[f"SYNCLINE_{name.upper()}"]) for name in ("web_port", "prefect_port", "sandbox_port")
        }
        return made.model_copy(update={"home": self.folder / "state", "host": WEB_HOST, **ports})

    @property
    def prefect(self) -> str:
        """The URL of Prefect's server, by its address."""
        return f"http://127.0.0.1:{self.settings.prefect_port}"

    @property
    def web(self) -> str:
        """The URL of the web app."""
        return f"http://{WEB_HOST}:{self.settings.web_port}"

    def ask(self, method: str, path: str, json: object = None) -> httpx.Response:
        """Ask Prefect's API with the password; again where a server that has just started cannot answer yet."""
        user, _, password = (self.settings.prefect_auth or "").partition(":")

        def answer() -> httpx.Response | None:
            url = f"{self.prefect}/api{path}"
            with suppress(httpx.TransportError):
                said = httpx.request(method, url, json=json, auth=(user, password), timeout=60, trust_env=False)
                return None if said.status_code == 503 else said
            return None

        return eventually(answer, f"answer of Prefect's server to {method} {path}", within_seconds=300)

    def pid_of(self, *words: str) -> int | None:
        """The process id of the child that was started with `python -m WORDS`."""
        for folder in Path("/proc").iterdir():
            try:
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                command = (folder / "cmdline").read_bytes().split(b"\0")[1:-1]
            except (OSError, IndexError):
                continue
            if parent == str(self.shown.process.pid) and command[: len(words) + 1] == [b"-m", *map(str.encode, words)]:
                return int(folder.name)
        return None

    def kill(self, *words: str) -> int:
        """Kill that child; returns the process id of the one that takes its place."""
        killed = eventually(lambda: self.pid_of(*words), f"child {words}")
        os.kill(killed, signal.SIGKILL)

        def other() -> int | None:
            found = self.pid_of(*words)
            return None if found == killed else found

        return eventually(other, f"child {words} in place of the killed one")


@contextmanager
def running_up(folder: Path) -> Generator[Up]:
    """A demo with new ports; returns when all of it answers."""
    names = ("WEB", "PREFECT", "SANDBOX")
    ports = {f"SYNCLINE_{name}_PORT": str(free_port()) for name in names}
    with listening() as proxy:
        env = fresh_env(folder, proxy, SYNCLINE_HOST=WEB_HOST, **ports)
        with terminal([SYNCLINE, "up", "--demo"], env=env, folder=folder / "work") as shown:
            shown.wait_for("Ctrl-C ends everything", seconds=400)
            yield Up(folder=folder, env=env, proxy=proxy, shown=shown)
