"""The whole engine against a model: any changes upstream, any failures, any crashes, full and incremental passes."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from support.machines import machine_store
from support.moves import SAME_ITEMS
from support.runs import begin, counted, dead_process, products_source, pull, stored
from support.shop import OPENED, Row, product
from support.upstream import ListPages

from syncline.clock import ManualClock
from syncline.errors import UnavailableError
from syncline.model.policies import Mode
from syncline.model.session import Status, Tally
from syncline.passes.closing import close, complete
from syncline.passes.prune import prune
from syncline.store import rejects

ITEMS = st.integers(1, 40)
CHANGES = ("_delete_first", "_create_in_front", "_change_last")


class Engine(RuleBasedStateMachine):
    """The model: the upstream's rows, and what the table holds of them (`table`: names by id)."""

    def __init__(self, url: str | None = None) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        self.clock = ManualClock(OPENED + timedelta(days=20))
        self.store = machine_store(url, self.folder, self.clock)
        self.pages = ListPages(page_size=7, incremental=True, clock=self.clock.now)
        self.source = products_source(self.pages)
        self.table: dict[int, str] = {}
        self.version = 0

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    # What happens upstream

    @initialize(count=st.integers(0, 40), page_size=st.integers(1, 12), tells_total=st.booleans())
    def opens(self, *, count: int, page_size: int, tells_total: bool) -> None:
        self.pages.page_size, self.pages.tells_total = page_size, tells_total
        for number in range(1, count + 1):
            self.create(number)

    @rule(number=ITEMS)
    def create(self, number: int) -> None:
        if self._find(number) is None:
            self.pages.rows.append(product(number, **self._stamp()))

    @rule(number=ITEMS, bad=st.booleans())
    def change(self, *, number: int, bad: bool) -> None:
        row = self._find(number)
        if row is not None:
            row.update(self._stamp(), price="-1" if bad else "2.00")

    @rule(number=ITEMS)
    def spell_otherwise(self, number: int) -> None:
        """The same values in another order: no change."""
        row = self._find(number)
        if row is not None:
            self.pages.rows[self.pages.rows.index(row)] = dict(reversed(row.items()))

    @rule(number=ITEMS)
    def remove(self, number: int) -> None:
        self.pages.rows[:] = [row for row in self.pages.rows if row["id"] != number]

    @rule(random=st.randoms(use_true_random=False))
    def shuffle(self, random: Any) -> None:  # noqa: ANN401 - Hypothesis' Random
        random.shuffle(self.pages.rows)

    @rule()
    def sort(self) -> None:
        self.pages.rows.sort(key=lambda row: row["id"])

    @rule(page_size=st.integers(1, 12), cap=st.none() | st.integers(1, 12))
    def page_otherwise(self, page_size: int, cap: int | None) -> None:
        self.pages.page_size, self.pages.cap = page_size, cap

    # What Syncline does

    @rule(failures=st.lists(st.tuples(st.integers(1, 8), st.booleans()), max_size=3))
    def full_pass(self, failures: list[tuple[int, bool]]) -> None:
        """Errors and kills at any page, then the rest: counted together, it is as if nothing had happened."""
        expected = self._expected()
        tally = self._pass(Mode.FULL, failures)
        assert (tally.created, tally.updated, tally.deleted) == (expected.created, expected.updated, expected.deleted)
        assert (tally.processed, tally.unchanged) == (expected.processed, expected.unchanged)
        assert tally.rejected == expected.rejected
        self.table = self._table_after_full_pass()
        assert stored(self.store) == self.table
        assert self._rejected() == self._bad()  # what has landed or is gone is on record no more

    @precondition(lambda self: self.table)
    @rule(failures=st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=2))
    def incremental_pass(self, failures: list[tuple[int, bool]]) -> None:
        """It brings all that changed, and leaves what is gone to the next full pass."""
        self._pass(Mode.INCREMENTAL, failures)
        gone = {key: name for key, name in self.table.items() if self._find(key) is None}
        self.table = gone | self._table_after_full_pass()
        assert stored(self.store) == self.table
        assert self._bad() <= self._rejected() <= self._bad() | self._gone()

    @rule(move=st.sampled_from([*SAME_ITEMS, *CHANGES]), at_page=st.integers(2, 5))
    def full_pass_of_a_moving_list(self, move: Callable[[list[Row]], None] | str, at_page: int) -> None:
        """Nothing that is there all the time is lost; what went while the pass ran may stay until the next one."""
        event: Callable[[list[Row]], None] = getattr(self, move) if isinstance(move, str) else move
        self.pages.before(at_page, lambda: event(self.pages.rows))
        before = {row["id"] for row in self.pages.rows}
        self._pass(Mode.FULL, [])
        now = stored(self.store)
        should = self._table_after_full_pass()
        assert {key: now.get(key) for key in should} == should
        assert set(now) - set(should) <= before - {row["id"] for row in self.pages.rows} | self._bad()
        self.table = now
        self.pages.calm()

    @invariant()
    def counters_and_rows_agree(self) -> None:
        """Rows appear and vanish by being counted, in every session: created - deleted = rows."""
        sums = text(
            "SELECT coalesce(sum(items_created - items_deleted), 0), (SELECT count(*) FROM products), "
            "coalesce(sum(items_processed - items_created - items_updated - items_unchanged - items_rejected), 0) "
            "FROM sync_sessions"
        )
        with self.store.read() as connection:
            created_less_deleted, rows, uncounted = connection.execute(sums).one()
            assert created_less_deleted == rows
            assert uncounted == 0
            assert connection.execute(text("SELECT count(*) FROM pass_keys")).scalar() == 0

    # The model

    def _pass(self, mode: Mode, failures: list[tuple[int, bool]]) -> Tally:
        """Sessions until the pass has ended; what they counted together."""
        for page, _ in failures:
            self.pages.fail_at(page, UnavailableError("down", upstream="erp"))
        kills, tally = [killed for _, killed in failures], Tally()
        for _ in range(len(failures) + 1):
            self.clock.advance(seconds=1)
            kill = bool(kills) and kills.pop(0)
            session_id, ended = self._session(mode, kill=kill)
            tally += counted(self.store, session_id)
            if ended:
                break
        self.pages.calm()
        return tally

    def _session(self, mode: Mode, *, kill: bool) -> tuple[str, bool]:
        admission = begin(self.store, self.source, mode=mode, process=dead_process() if kill else None)
        try:
            pull(self.store, self.source, admission)
        except UnavailableError as error:
            if not kill:
                close(self.store, admission.session_id, Status.FAILED, error=error)
            return admission.session_id, False
        assert prune(self.store, self.source, admission.session_id).refused is None
        complete(self.store, admission.session_id)
        return admission.session_id, True

    def _expected(self) -> Tally:
        good = {row["id"]: row["name"] for row in self.pages.rows if row["id"] not in self._bad()}
        created = len(good.keys() - self.table.keys())
        updated = sum(self.table.get(key, name) != name for key, name in good.items())
        return Tally(
            processed=len(self.pages.rows),
            created=created,
            updated=updated,
            unchanged=len(good) - created - updated,
            deleted=len(self.table.keys() - {row["id"] for row in self.pages.rows}),
            rejected=len(self._bad()),
        )

    def _table_after_full_pass(self) -> dict[int, str]:
        """Each row that fits, and the last version that fitted of each that does not."""
        bad = {key: name for key, name in self.table.items() if key in self._bad()}
        return bad | {row["id"]: row["name"] for row in self.pages.rows if row["id"] not in self._bad()}

    def _bad(self) -> set[int]:
        return {row["id"] for row in self.pages.rows if row["price"] == "-1"}

    def _gone(self) -> set[int]:
        return {number for number in range(1, 2_000) if self._find(number) is None}

    def _rejected(self) -> set[int]:
        with self.store.read() as connection:
            return {int(one.item_key or 0) for one in rejects.of_source(connection, "products")}

    def _find(self, number: int) -> Row | None:
        return next((row for row in self.pages.rows if row["id"] == number), None)

    def _stamp(self) -> Row:
        self.version += 1
        return {"name": f"version {self.version}", "updated_at": self.clock.advance(seconds=1)}

    def _delete_first(self, rows: list[Row]) -> None:
        del rows[:1]

    def _create_in_front(self, rows: list[Row]) -> None:
        rows.insert(0, product(1_000 + self.version, **self._stamp()))

    def _change_last(self, rows: list[Row]) -> None:
        for row in rows[-1:]:
            row.update(self._stamp())


TestEngine = Engine.TestCase
TestEngine.settings = settings(max_examples=25, stateful_step_count=15)


def test_the_engine_on_postgresql(make_postgresql: Callable[[], str]) -> None:
    """Rows, look-ups and deletions are written otherwise there, and must come out the same."""
    machine: Any = partial(Engine, make_postgresql())
    run_state_machine_as_test(machine, settings=settings(max_examples=10, stateful_step_count=12))
