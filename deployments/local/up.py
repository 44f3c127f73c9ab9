"""`syncline up`: everything on this machine, started in order, ended together."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from deployments.ended import close_ended
from deployments.environment import prefect_env, runner_env, server_env, settings_env
from deployments.local.demo import demo_file, demo_settings, register_wallets
from deployments.local.home import hold_home, own_home, tell_ports, temporary_folder
from deployments.local.listening import no_tls_warning, web_url
from deployments.local.log_writer import Log
from deployments.local.running_code import running_code
from deployments.local.supervisor import ChildDiedError, StoppedError, Supervisor
from deployments.local.vitals import SIGNS_VARIABLE, answers_at, touches
from deployments.preflight import (
    check_deployments,
    check_ports,
    check_secrets,
    check_upstreams,
    freshness_warning,
    missing_warning,
    ports_of,
    unknown_warning,
)
from deployments.secrets_file import make_missing_secrets, with_made_secrets
from flows.registry import find, sources_with_dataset
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
        with tell_ports(settings), temporary_folder(settings) as temporary, _open_record(settings, say) as record:
            return _run(settings, demo=demo, temporary=temporary, say=say, record=record)


def _run(
    settings: Settings, *, demo: bool, temporary: Path, say: Callable[[str], None], record: Callable[[str], None]
) -> int:
    supervisor = Supervisor(settings.home / "logs", say=record)
    try:
        with _stop_by_signal(supervisor), demo_file(settings, demo=demo), running_code(settings) as code, supervisor:
            _start(supervisor, settings, demo=demo, temporary=temporary, say=say)
            supervisor.watch(lambda: code.tell(record))
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
    if sys.version_info < (3, 11):  # noqa: UP036 - an old one is named in one line
        raise ConfigurationError(f"Syncline needs Python 3.11 or newer, but this is {sys.version.split()[0]}")
    check_secrets(settings)
    check_deployments()
    check_upstreams(settings)
    freshness_warning(settings)  # refuses a day or a zone that is none, before anything starts
    check_ports(ports_of(settings, demo=demo))
    store = open_store(settings)
    schema.upgrade(store)
    schema.require_columns(store, {source.required_dataset.table for source in sources_with_dataset()})
    store.close()
    return make_missing_secrets(settings)


def _start(
    supervisor: Supervisor, settings: Settings, *, demo: bool, temporary: Path, say: Callable[[str], None]
) -> None:
    """Start the children, each when those that it needs answer."""
    plain = os.environ | settings_env(settings) | {"TMPDIR": str(temporary)}
    env = plain | prefect_env(settings)
    health = f"{settings.prefect_api}/health"
    if demo:
        box = f"http://127.0.0.1:{settings.sandbox_port}/sandbox/health"
        supervisor.start("sandbox", ["sandbox", "--port", str(settings.sandbox_port)], env=plain, look=answers_at(box))
        supervisor.wait_for(box, timeout_seconds=30)
        register_wallets(settings, find("portfolios"))
    if settings.prefect_api_url is None:
        say("Starting Prefect's server (the first start takes 20 s) …")
        server = plain | server_env(settings)
        supervisor.start(
            "prefect", ["deployments.local.prefect_server"], env=server, grace_seconds=15, look=answers_at(health)
        )
    supervisor.wait_for(health, timeout_seconds=SERVER_START_SECONDS)
    signs = temporary / "runner.signs"
    runner = env | runner_env() | {SIGNS_VARIABLE: str(signs)}
    supervisor.start("runner", ["deployments"], env=runner, grace_seconds=15, needs=health, look=touches(signs))
    web = f"{web_url(settings)}/health"
    supervisor.start(
        "web", ["web"], env=env, look=answers_at(web, method="OPTIONS")
    )  # asks no database, which may be away
    supervisor.wait_for(web, timeout_seconds=WEB_START_SECONDS)
    _say_where(settings, demo=demo, say=say)


def _say_first(settings: Settings, made: Sequence[str], say: Callable[[str], None]) -> None:
    """What the user should know before anything runs."""
    if made:
        say(f"Made {', '.join(made)} in {settings.secrets_file}")
    if "SYNCLINE_PREFECT_SECRET" in made and sys.stdout.isatty():  # never into a file or a journal
        say(f"Password of the Prefect UI: {settings.prefect_auth} (`syncline prefect-password` shows it again)")
    warnings = (
        missing_warning(settings),
        unknown_warning(settings),
        no_tls_warning(settings),
        freshness_warning(settings),
    )
    for line in warnings:
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
def _open_record(settings: Settings, say: Callable[[str], None]) -> Generator[Callable[[str], None]]:
    """A function that says a line, and writes it to `logs/up.log` with its time; `say` prints a line for the user."""
    logs = settings.home / "logs"
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = Log(logs / "up.log")

    def record(line: str) -> None:
        say(line)
        log.write(f"{datetime.now(UTC).isoformat(timespec='seconds').replace('+00:00', 'Z')} {line}\n".encode())

    try:
        yield record
    finally:
        log.close()


@contextmanager
def _stop_by_signal(supervisor: Supervisor) -> Generator[None]:
    """Have Ctrl-C and SIGTERM stop the supervisor instead of the interpreter, until all children have ended."""

    def stop(number: int, frame: object) -> None:
        del number, frame
        supervisor.stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
