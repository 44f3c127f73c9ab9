"""`syncline accounts`: what an operator does with accounts, and what is said of it."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlmodel import col
from support.wallets import WALLETS

from cli.account_sync import follow
from cli.accounts_change import add_one
from cli.accounts_import import import_lines
from cli.instance import Instance, actor
from syncline.clock import microseconds
from syncline.jobs import registration
from syncline.kernel_settings import AccountsSettings
from syncline.model.account import Account, AccountState
from syncline.model.job import Job, JobStatus
from syncline.model.policies import Mode
from syncline.model.session import Status, SyncSession, Trigger
from syncline.store import accounts, audit, sessions
from syncline.store.engine import Store

Syncline = Callable[..., CompletedProcess[str]]
Step = Callable[[int, Account], None]
WALLET = "0x1111111111111111111111111111111111111111"


def registered(store: Store, external_id: str = "0xA", **settings: object) -> Account:
    wanted = registration.wanted(
        WALLETS, user_id="ann", external_id=external_id, settings=settings, limits=AccountsSettings()
    )
    return registration.register(store, wanted, actor="ann").account


def test_add_registers_once_and_says_what_became_of_it(instance: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    """Settings are typed as NAME=VALUE."""
    for word in ("added", "there already"):
        add_one(WALLETS, "0xAB", user="ann", sets=["weekends=false", "timezone=Europe/Berlin"], as_json=False)
        said = capsys.readouterr().out
        assert re.fullmatch(rf"acc_\w{{24}} {word} \(0xab of ann\); job 1 is queued, high\n", said)
    add_one(WALLETS, "0xAC", user=None, sets=[], as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["user_id"], told["created"], told["settings"]) == (actor(), True, {})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "products", "x"), "source: products has no accounts: its data is everybody's"),
        (("add", "portfolios", "0x1"), "external_id: "),
        (("add", "portfolios", WALLET, "--set", "chain=1"), "settings.chain: is no setting; did you mean chains?"),
        (("add", "portfolios", WALLET, "--set", "chains"), "'chains': write settings as NAME=VALUE"),
        (("add", "nosuch", "x"), "no source is named 'nosuch'"),
        (("show", "acc_0"), "there is no account acc_0"),
        (("touch", "acc_0"), "there is no account acc_0"),
        (("pause", "acc_0", "--reason", " "), "--reason must say why"),
        (("import", "no.csv"), "no.csv cannot be read: No such file or directory"),
        (("import", "no.xlsx"), "say with --format csv or --format jsonl"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(
    syncline: Syncline, store: Store, words: tuple[str, ...], said: str
) -> None:
    """It names the argument or setting to change."""
    del store
    done = syncline("accounts", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_list_shows_who_where_and_how(syncline: Syncline, store: Store) -> None:
    """A long list goes on behind the last one shown."""
    assert syncline("accounts", "list").stdout == "there are no such accounts\n"
    first = registered(store)
    with store.write() as connection:
        accounts.attention(connection, first.id, "the address is a contract")
    second = registered(store, "0xB")
    shown = syncline("accounts", "list", "wallets").stdout
    assert "attention" in shown
    assert "0xb" in shown
    told = json.loads(syncline("accounts", "list", "--user", "ann", "--json").stdout)
    assert {one["id"] for one in told} == {first.id, second.id}
    only = json.loads(syncline("accounts", "list", "--state", "attention", "--json").stdout)
    assert [one["id"] for one in only] == [first.id]
    assert f"… and more: `--after {min(first.id, second.id)}`" in syncline("accounts", "list", "--limit", "1").stdout


def test_an_account_is_paused_resumed_and_removed(syncline: Syncline, store: Store) -> None:
    """As an operator: the user's own pause is another one; each change stands in the audit log."""
    account = registered(store)
    paused = syncline("accounts", "pause", account.id, "--reason", "abuse", "--for", "10m")
    assert paused.stdout == f"{account.id} paused for 10m: abuse\n"
    by_source = syncline("pause", "wallets", "--account", account.id, "--reason", "still abuse")
    assert by_source.stdout == f"{account.id} paused until it is resumed: still abuse\n"
    refused = syncline("sync", "wallets", "--account", account.id)
    assert refused.returncode == 1
    assert f"is paused by {actor()} until it is resumed (still abuse); resume it first" in refused.stderr
    assert (
        syncline("resume", "wallets", "--account", account.id).stdout == f"{account.id}: 1 hold ended; it is active\n"
    )
    assert syncline("accounts", "touch", account.id).stdout.startswith(f"{account.id}: its user was seen at 20")
    removed = syncline("accounts", "remove", account.id).stdout
    assert re.fullmatch(rf"{account.id} is removed: \d+ rows deleted\n", removed)
    assert syncline("accounts", "resume", account.id).returncode == 2
    with store.read() as connection:
        actions = [entry.action for entry in audit.latest(connection)]
    assert actions == ["account.remove", "account.resume", "account.pause", "account.pause", "account.add"]


def test_settings_are_shown_with_secrets_masked(syncline: Syncline, store: Store) -> None:
    """One to a line, as they are typed."""
    account = registered(store, notify_urls=["ntfys://tk_secret@ntfy.sh/x"], weekends=False, timezone="Asia/Tokyo")
    shown = syncline("accounts", "settings", account.id)
    assert shown.stdout.splitlines() == ["timezone=Asia/Tokyo", "weekends=false", 'notify_urls=["ntfys://***"]']
    told = json.loads(syncline("accounts", "settings", account.id, "--json").stdout)
    assert (told["version"], told["settings"]["weekends"]) == (1, False)
    assert "tk_secret" not in shown.stdout + json.dumps(told)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("csv", "external_id,user_id\n0xA,ann\nbad,ann\n0xA,ann\n"),
        ("jsonl", '{"external_id": "0xA"}\n{}\n{"external_id": "0xA"}\n'),
    ],
)
def test_an_import_names_bad_lines_stores_the_rest_and_exits_with_1(
    instance: Instance, capsys: pytest.CaptureFixture[str], kind: str, text: str
) -> None:
    """And with 0 where none is bad; twice adds nothing."""

    def imported(what: str) -> int:
        return import_lines(
            instance, BytesIO(what.encode()), (WALLETS,), source="wallets", user="ann", is_csv=kind == "csv"
        )

    assert imported(text) == 1
    said = capsys.readouterr()
    assert said.out == "1 account added, 1 there already, 1 bad line\n"
    line = 3 if kind == "csv" else 2
    assert f"syncline: line {line}: external_id: " in said.err
    good = [one for number, one in enumerate(text.splitlines(keepends=True), start=1) if number != line]
    assert imported("".join(good)) == 0
    assert capsys.readouterr().out == "0 accounts added, 2 there already, 0 bad lines\n"


def test_an_import_takes_a_file_by_its_name(syncline: Syncline, store: Store, tmp_path: Path) -> None:
    """With the sources of this instance."""
    file = tmp_path / "wallets.csv"
    file.write_text(f"external_id,user_id,source,weekends\n{WALLET},ann,portfolios,false\n", encoding="utf-8")
    assert syncline("accounts", "import", str(file)).stdout == "1 account added, 0 there already, 0 bad lines\n"
    with store.read() as connection:
        queued = connection.exec_driver_sql("SELECT source, priority, user_id FROM sync_jobs").all()
    assert [tuple(row) for row in queued] == [("portfolios", "low", "ann")]


def end(store: Store, account: Account, job_id: int, *, status: Status | None, good: bool) -> None:
    """As a drain ends a job."""
    now = store.clock.now()
    usual: dict[str, Any] = {"trigger": Trigger.MANUAL, "mode": Mode.FULL, "started_at": now, "completed_at": now}
    usual |= account.target.key
    with store.write() as connection:
        connection.execute(delete(Job).where(col(Job.id) == job_id))
        if status is not None:
            session = SyncSession(id=f"s{job_id}", job_id=job_id, status=status, **usual)
            sessions.insert_session(connection, session)
        read = {"last_success_at": now} if good else {}
        connection.execute(update(Account).where(col(Account.id) == account.id).values(last_synced_at=now, **read))


def ends(store: Store, *, status: Status | None, good: bool) -> Step:
    return lambda job_id, account: end(store, account, job_id, status=status, good=good)


def becomes(store: Store, status: JobStatus, **values: object) -> Step:
    def step(job_id: int, account: Account) -> None:
        with store.write() as connection:
            mine = (col(Job.id) == job_id, col(Job.account_id) == account.id)
            connection.execute(update(Job).where(*mine).values(status=status, **values))

    return step


def followed(instance: Instance, external_id: str, *steps: Step) -> tuple[str, int]:
    """What is told of a job to which this happens, step by step."""
    account = registered(instance.store, external_id)
    job_id, left = registration.request_sync(instance.store, account.id), list(steps)

    def wait(_: float) -> None:
        left.pop(0)(job_id, account)

    told = follow(instance, job_id, account, wait=wait, patience=timedelta(days=1))
    return told.sentence, told.exit_code


def test_a_sync_of_an_account_is_followed_to_its_end(instance: Instance, store: Store) -> None:
    """Exit 0 done, 1 failed, 75 not now, as of a source."""
    later = microseconds(store.clock.now() + timedelta(minutes=5, seconds=30))
    began = becomes(store, JobStatus.PROCESSING)
    waits = becomes(store, JobStatus.QUEUED, scheduled_us=later, error_type="Busy")
    dead = becomes(store, JobStatus.FAILED, error_message="no such wallet")
    assert followed(instance, "0x1", began, ends(store, status=Status.COMPLETED, good=True)) == ("completed", 0)
    assert followed(instance, "0x2", ends(store, status=Status.FAILED, good=False)) == ("failed", 1)
    said, code = followed(instance, "0x3", ends(store, status=None, good=True))
    assert (said.endswith("is up to date; nothing has changed"), code) == (True, 0)
    said, code = followed(instance, "0x4", ends(store, status=None, good=False))
    assert (said.endswith("was taken back: the account was paused or removed"), code) == (True, 75)
    said, code = followed(instance, "0x5", began, waits)
    assert ("it goes on in 5 min (Busy); `syncline explain wallets --account" in said, code) == (True, 75)
    said, code = followed(instance, "0x6", dead)
    assert (said.endswith("was given up: no such wallet"), code) == (True, 1)


def test_a_job_that_no_drain_takes_is_left_in_the_queue(instance: Instance, store: Store) -> None:
    """Nobody waits for ever at a terminal."""
    account = registered(store)
    job_id = registration.request_sync(store, account.id)
    told = follow(instance, job_id, account, wait=lambda _: pytest.fail("waited"), patience=timedelta(seconds=-1))
    assert told.exit_code == 75
    assert "no drain has taken it yet; it stays queued" in told.sentence


def test_show_history_and_explain_tell_of_one_account(syncline: Syncline, store: Store) -> None:
    """Its sessions alone; and why it is synced, in sentences."""
    done = syncline("accounts", "add", "portfolios", WALLET, "--user", "ann")
    account_id = done.stdout.split()[0]
    with store.read() as connection:
        account = accounts.find(connection, account_id)
    assert account is not None
    end(store, account, 1, status=Status.FAILED, good=False)
    end(store, registered(store), 0, status=None, good=True)
    history = json.loads(syncline("history", "--account", account_id, "--json").stdout)
    assert [one["id"] for one in history] == ["s1"]
    told = json.loads(syncline("explain", "portfolios", "--account", account_id, "--json").stdout)
    assert (told["state"], told["job"]) == (AccountState.ACTIVE, None)
    assert syncline("explain", "portfolios", "--account", account_id).stdout.splitlines() == told["explanation"]
    shown = syncline("accounts", "show", account_id).stdout
    assert all(word in shown for word in (WALLET, "1 failed", "It was never read as a whole"))
    detail = json.loads(syncline("accounts", "show", account_id, "--json").stdout)
    assert (detail["portfolio"]["holdings"], detail["sessions"]) == ([], {"failed": 1})
