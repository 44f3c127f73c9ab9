import asyncio

from hypothesis import given
from hypothesis import strategies as st

from syncline.upstreams.connections import InFlight


async def most_at_once(limit: InFlight, work: int) -> int:
    """How many of so many tasks are inside at the same time."""
    inside = most = 0

    async def task() -> None:
        nonlocal inside, most
        async with limit:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*[task() for _ in range(work)])
    return most


def test_as_many_go_at_once_as_are_allowed() -> None:
    """Latency is hidden by parallel requests; the upstream's own bound is kept."""

    async def scenario() -> list[int]:
        limit = InFlight(8)
        got = [await most_at_once(limit, 30)]
        limit.refused()
        got.append(await most_at_once(limit, 30))
        for _ in range(4):
            limit.refused()
        got.append(await most_at_once(limit, 30))
        return got

    assert asyncio.run(scenario()) == [8, 4, 1]


def test_each_round_that_goes_well_allows_one_more() -> None:
    """It returns to full speed, but not at once: that is what was refused."""
    limit, allowed = InFlight(8), list[int]()
    for _ in range(3):
        limit.refused()
    for _ in range(40):
        limit.went_well()
        allowed.append(int(limit.allowed))
    rises = [allowed.index(number) + 1 for number in range(2, 9)]
    assert rises == sorted(rises)
    assert 25 <= rises[-1] <= 40  # 1 + 2 + … + 7 = 28 answers
    assert allowed[-1] == 8


def test_whoever_is_cancelled_while_waiting_takes_no_room_along() -> None:
    """A run that is stopped leaves the client as it was."""

    async def scenario() -> int:
        limit = InFlight(1)
        async with limit:
            waiting = asyncio.create_task(most_at_once(limit, 1))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        return await most_at_once(limit, 3)

    assert asyncio.run(scenario()) == 1


@given(st.integers(1, 64), st.lists(st.booleans(), max_size=200))
def test_one_is_always_allowed_and_never_more_than_the_most(most: int, answers: list[bool]) -> None:
    """An upstream that refuses for an hour is still asked; others no more at once than declared."""
    limit = InFlight(most)
    for well in answers:
        limit.went_well() if well else limit.refused()
        assert 1 <= limit.allowed <= most
