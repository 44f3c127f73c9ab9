"""Ways in which a list moves while it is read, with the same items in it before and after."""

from support.shop import Row

__all__ = ["SAME_ITEMS", "first_to_the_end", "last_to_the_front", "otherwise", "turned_round"]


def turned_round(rows: list[Row]) -> None:
    rows.reverse()


def last_to_the_front(rows: list[Row]) -> None:
    rows[:] = rows[-1:] + rows[:-1]


def first_to_the_end(rows: list[Row]) -> None:
    rows[:] = rows[1:] + rows[:1]


def otherwise(rows: list[Row]) -> None:
    rows.sort(key=lambda row: str(row["sku"]))


SAME_ITEMS = (turned_round, last_to_the_front, first_to_the_end, otherwise)
