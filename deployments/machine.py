"""`syncline up`: everything on this machine, started in order, ended together."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from deployments.demo import demo_file, demo_settings
from deployments.ended import close_ended
from deployments.environment import prefect_env, runner_env, server_env, settings_env
from deployments.home import hold_home, own_home, tell_ports, temporary_folder
from deployments.household import ChildDiedError, Household, StoppedError
from deployments.listening import said_of_no_tls, web_url
from deployments.preflight import (
    check_deployments,
    check_ports,
    check_secrets,
    check_upstreams,
    ports_of,
    said_of_missing,
    said_of_unknown,
)
from deployments.record import open_record
from deployments.running_code import running_code
from deployments.secrets_file import make_missing_secrets, with_made_secrets
from deployments.vitals import SIGNS_VARIABLE, answers_at, touches
from flows.registry import sources_with_dataset
from syncline.errors import ConfigurationError, SynclineError
from syncline.settings import Settings
from syncline.store import schema
from syncline.store.engine import open_store

__all__ = ["prepare", "up"]

SERVER_START_SECONDS = 120
WEB_START_SECONDS = 180


def up(settings: Settings, *, demo: bool, say: Callable[[str], None]) -> int:
    """Run the instance until Ctrl-C or SIGTERM: database, Prefect's server, all deployments, web app.

    Args:
        settings: the instance; its ports, its home and its upstreams.
        demo: with the sandbox as upstream.
        say: prints a line for the user.

    Returns:
        0 where the user ended it, 1 where a child could not be started, or ended again and again.

    Raises:
        SynclineError: something must be changed first; nothing was started then.
    """
    settings = demo_settings(settings) if demo else settings
    for line in own_home(settings, thoroughly=True):
        say(line)
    with hold_home(settings):
        made = prepare(settings, demo=demo)
        settings = with_made_secrets(settings)
        _say_first(settings, made, say)
        with tell_ports(settings), temporary_folder(settings) as temporary, open_record(settings, say) as record:
            return _run(settings, demo=demo, temporary=temporary, say=say, record=record)


def _run(
    settings: Settings, *, demo: bool, temporary: Path, say: Callable[[str], None], record: Callable[[str], None]
) -> int:
    house = Household(settings.home / "logs", say=record)
    try:
        with _until_told(house), demo_file(settings, demo=demo), running_code(settings) as code, house:
            _start(house, settings, demo=demo, temporary=temporary, say=say)
            house.watch(lambda: code.tell(record))
            say("Stopping …")
    except StoppedError:
        return 0
    except ChildDiedError as died:
        record(str(died))
        for line in died.last_lines:
            say(f"  {line}")
        return 1
    finally:
        _close_sessions(settings)
    return 0


def _close_sessions(settings: Settings) -> None:
    """Leave no session open whose process is gone; the next start does what cannot be done now."""
    with suppress(SynclineError), closing(open_store(settings)) as store:
        close_ended(store)


def prepare(settings: Settings, *, demo: bool) -> list[str]:
    """Check what must be right, then bring the database up to date; returns the names of the secrets made.

    Raises:
        SynclineError: something must be changed first.
    """
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs an old one is told so in one line
        raise ConfigurationError(f"Syncline needs Python 3.11 or newer, but this is {sys.version.split()[0]}")
    check_secrets(settings)
    check_deployments()
    check_upstreams(settings)
    check_ports(ports_of(settings, demo=demo))
    store = open_store(settings)
    schema.upgrade(store)
    schema.require_columns(store, {source.required_dataset.table for source in sources_with_dataset()})
    store.close()
    return make_missing_secrets(settings)


def _start(house: Household, settings: Settings, *, demo: bool, temporary: Path, say: Callable[[str], None]) -> None:
    """Start the children, each when those that it needs answer."""
    plain = os.environ | settings_env(settings) | {"TMPDIR": str(temporary)}
    env = plain | prefect_env(settings)
    health = f"{settings.prefect_api}/health"
    if demo:
        box = f"http://127.0.0.1:{settings.sandbox_port}/sandbox/health"
        house.start("sandbox", ["sandbox", "--port", str(settings.sandbox_port)], env=plain, look=answers_at(box))
        house.wait_for(box, timeout_seconds=30)
    if settings.prefect_api_url is None:
        say("Starting Prefect's server (the first start takes 20 s) …")
        server = plain | server_env(settings)
        house.start("prefect", ["deployments.prefect_server"], env=server, grace_seconds=15, look=answers_at(health))
    house.wait_for(health, timeout_seconds=SERVER_START_SECONDS)
    signs = temporary / "runner.signs"
    runner = env | runner_env() | {SIGNS_VARIABLE: str(signs)}
    house.start("runner", ["deployments"], env=runner, grace_seconds=15, needs=health, look=touches(signs))
    web = f"{web_url(settings)}/health"
    house.start("web", ["web"], env=env, look=answers_at(web, method="OPTIONS"))  # asks no database, which may be away
    house.wait_for(web, timeout_seconds=WEB_START_SECONDS)
    _say_where(settings, demo=demo, say=say)


def _say_first(settings: Settings, made: Sequence[str], say: Callable[[str], None]) -> None:
    """What the user should know before anything runs."""
    if made:
        say(f"Made {', '.join(made)} in {settings.secrets_file}")
    if "SYNCLINE_PREFECT_SECRET" in made and sys.stdout.isatty():  # never into a file or a journal
        say(f"Password of the Prefect UI: {settings.prefect_auth} (`syncline prefect-password` shows it again)")
    for line in (said_of_missing(settings), said_of_unknown(settings), said_of_no_tls(settings)):
        if line is not None:
            say(line)


def _say_where(settings: Settings, *, demo: bool, say: Callable[[str], None]) -> None:
    say("")
    say(f"Dashboard    {web_url(settings)}/")
    say(f"API          {web_url(settings)}/docs")
    say(f"Prefect UI   {settings.prefect_api.removesuffix('/api')}/ (`syncline prefect-password` shows its password)")
    if demo:
        say(f"Sandbox      http://127.0.0.1:{settings.sandbox_port}/")
    say(f"State        {settings.home.absolute()}")
    say("")
    say("The first syncs start in 5 seconds: see `syncline status` and `syncline history`. Ctrl-C ends everything.")


@contextmanager
def _until_told(house: Household) -> Generator[None]:
    """Have Ctrl-C and SIGTERM stop the house instead of the interpreter, until all is ended."""

    def stop(number: int, frame: object) -> None:
        del number, frame
        house.stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
