"""The six feeds that are no yields: each in a shape and with a paging of its own, as feeds come."""

from datetime import timedelta
from random import Random

import orjson

from sandbox.clock import read_stamp, stamp
from sandbox.feeds.feed import Item, Kind, Tail
from sandbox.feeds.words import CHAINS, DEEDS, PEOPLE, PROJECTS, TOKENS


def _later(instant: str, days: int) -> str:
    return stamp(read_stamp(instant) + timedelta(days=days))


def _airdrop(dice: Random, serial: int, now: str) -> Item:
    project, token = dice.choice(PROJECTS), dice.choice(TOKENS)
    return {
        "slug": f"{project.lower()}-drop-{serial}",
        "name": f"{project} airdrop",
        "project": {"name": project, "website": f"https://{project.lower()}.example"},
        "chain": dice.choice(CHAINS),
        "category": dice.choice(("retroactive", "holder", "testnet", "social")),
        "reward": {"token": token, "text": f"{dice.randrange(5, 500) * 10} {token}"},
        "link": f"https://{project.lower()}.example/airdrop/{serial}",
        "starts_at": now,
        "ends_at": _later(now, dice.randrange(7, 90)),
        "updated_at": now,
        "requirements": dice.sample(DEEDS, 2),
    }


def _alter_airdrop(dice: Random, item: Item, now: str) -> None:
    item["reward"]["text"] = f"{dice.randrange(5, 500) * 10} {item['reward']['token']}"
    item["updated_at"] = now


def _upcoming(dice: Random, serial: int, now: str) -> Item:
    project = dice.choice(PROJECTS)
    return {
        "id": f"up-{serial}",
        "title": f"{project} token launch",
        "project": project,
        "chain": dice.choice(CHAINS),
        "type": dice.choice(("confirmed", "rumoured")),
        "expected_at": _later(now, dice.randrange(10, 120)),
        "confidence": dice.randrange(10, 100),
        "updated_at": now,
    }


def _alter_upcoming(dice: Random, item: Item, now: str) -> None:
    item["confidence"] = (item["confidence"] + 1 + dice.randrange(90)) % 101
    item["updated_at"] = now


def _quest(dice: Random, serial: int, now: str) -> Item:
    partner, deed = dice.choice(PROJECTS), dice.choice(DEEDS)
    return {
        "quest_id": serial,
        "headline": f"{deed} on {partner}",
        "partner": {"name": partner},
        "network": dice.choice(CHAINS),
        "kind": deed.split()[0].lower(),
        "rewards": {"xp": dice.randrange(1, 20) * 50, "text": f"{dice.randrange(1, 20) * 50} XP"},
        "url": f"https://quests.example/{serial}",
        "window": {"from": now, "to": _later(now, dice.randrange(3, 30))},
        "modified": now,
    }


def _alter_quest(dice: Random, item: Item, now: str) -> None:
    item["rewards"]["xp"] += 10 + dice.randrange(100)
    item["rewards"]["text"] = f"{item['rewards']['xp']} XP"
    item["modified"] = now


def _program(dice: Random, serial: int, now: str) -> Item:
    project = dice.choice(PROJECTS)
    return {
        "key": f"{project.lower()}/season-{serial - 1000}",
        "name": f"{project} points, season {serial - 1000}",
        "protocol": project,
        "chains": dice.sample(CHAINS, 2),
        "rate": {"per_day": dice.randrange(1, 100), "text": f"{dice.randrange(1, 100)} points a day"},
        "page": f"https://{project.lower()}.example/points",
        "season_end": _later(now, dice.randrange(30, 200)),
        "as_of": now,
    }


def _alter_program(dice: Random, item: Item, now: str) -> None:
    item["rate"]["per_day"] += 1 + dice.randrange(20)
    item["rate"]["text"] = f"{item['rate']['per_day']} points a day"
    item["as_of"] = now


def _sponsored(dice: Random, serial: int, now: str) -> Item:
    project = dice.choice(PROJECTS)
    return {
        "campaign": f"cmp-{serial:06d}",
        "title": f"{project}: {dice.choice(DEEDS)}",
        "sponsor": project,
        "chain": dice.choice(CHAINS),
        "placement": dice.choice(("banner", "top", "inline")),
        "target_url": f"https://{project.lower()}.example/?campaign={serial}",
        "copy": f"{dice.choice(DEEDS)} with {project}.",
        "runs": {"from": now, "until": _later(now, dice.randrange(1, 30))},
    }


def _alter_sponsored(dice: Random, item: Item, now: str) -> None:
    item["runs"]["until"] = _later(now, 1 + dice.randrange(30))


def _submission(dice: Random, serial: int, now: str) -> Item:
    project, person = dice.choice(PROJECTS), dice.choice(PEOPLE)
    return {
        "id": f"sub-{serial}",
        "title": f"{project} {dice.choice(DEEDS).lower()} campaign",
        "project": project,
        "chain": dice.choice(CHAINS),
        "category": dice.choice(("airdrop", "quest", "points", "other")),
        "link": f"https://{project.lower()}.example/c/{serial}",
        "text": f"{dice.choice(DEEDS)} and earn {dice.choice(TOKENS)}.",
        "submitted_by": {"name": person, "email": f"{person}@people.example"},
        "submitted_at": now,
    }


def _alter_submission(dice: Random, item: Item, now: str) -> None:
    item["text"] = f"{dice.choice(DEEDS)} and earn {dice.randrange(10, 1000)} {dice.choice(TOKENS)}."
    item["submitted_at"] = now


def _listed(name: str, rows: list[bytes], **rest: object) -> bytes:
    more = orjson.dumps(rest)[1:] if rest else b"}"
    return b'{"%b":[%b]%b%b' % (name.encode(), b",".join(rows), b"," if rest else b"", more)


def _bare(rows: list[bytes], _tail: Tail) -> bytes:
    return b"[%b]" % b",".join(rows)


KINDS = (
    Kind(
        name="airdrops", path="/airdrops", paging="page", key="slug", title="name", make=_airdrop, alter=_alter_airdrop,
        envelope=lambda rows, tail: _listed("data", rows, total=tail.total),
    ),
    Kind(
        name="airdrops_upcoming", path="/upcoming", paging="cursor", key="id", title="title", make=_upcoming,
        alter=_alter_upcoming, envelope=lambda rows, tail: _listed("items", rows, next_cursor=tail.next_cursor),
    ),
    Kind(
        name="quests", path="/quests", paging="offset", key="quest_id", title="headline", make=_quest,
        alter=_alter_quest, envelope=lambda rows, tail: _listed("quests", rows, total=tail.total),
    ),
    Kind(
        name="points", path="/programs", paging="link", key="key", title="name", make=_program, alter=_alter_program,
        envelope=_bare, in_header=True,
    ),
    Kind(
        name="sponsored", path="/campaigns", paging="link", key="campaign", title="title", make=_sponsored,
        alter=_alter_sponsored, envelope=lambda rows, tail: _listed("campaigns", rows, links={"next": tail.next_url}),
    ),
    Kind(
        name="community", path="/submissions", paging="keyset", key="id", title="title", make=_submission,
        alter=_alter_submission, envelope=lambda rows, tail: _listed("submissions", rows, has_more=tail.more),
    ),
)  # fmt: skip
