"""What DynamoDB bills, by its own rules: sizes of items, and the units of a write or a read of that size.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

import base64
from typing import Any

Item = dict[str, dict[str, Any]]

WRITE_UNIT = 1024
READ_UNIT = 4096

# Global indexes of our tables by their keys: what an item needs to be in one, and what is copied there (None: all of it).
INDEXES = {
    "wake": ({"w", "wt"}, {"pk", "sk", "w", "wt"}),
    "gsi1": ({"gpk", "gsk"}, None),
}


def item_bytes(item: Item) -> int:
    return sum(len(name.encode()) + value_bytes(value) for name, value in item.items())


def value_bytes(value: dict[str, Any]) -> int:
    (kind, content), *_ = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return number_bytes(content)
        case "B":
            return len(base64.b64decode(content))
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(len(text.encode()) for text in content)
        case "NS":
            return sum(map(number_bytes, content))
        case "BS":
            return sum(len(base64.b64decode(binary)) for binary in content)
        case "L":
            return 3 + sum(1 + value_bytes(element) for element in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + value_bytes(element) for name, element in content.items())
    raise ValueError(f"`{kind}` is no type of DynamoDB")


def number_bytes(number: str) -> int:
    """About one byte for two significant digits, and one; a byte more when negative."""
    digits = number.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + number.startswith("-")


def units(size: int, unit: int) -> int:
    return max(1, -(-size // unit))


def write_units(before: Item | None, after: Item | None) -> tuple[int, int]:
    """Of one write: the table's units and its indexes'. A failed write: the same item before and after."""
    sizes = [item_bytes(item) for item in (before, after) if item]
    table = units(max(sizes, default=0), WRITE_UNIT)
    return table, sum(_index_units(index, before, after) for index in INDEXES)


def _index_units(index: str, before: Item | None, after: Item | None) -> int:
    old, new = _projection(index, before), _projection(index, after)
    if old == new:
        return 0
    if old is None or new is None:
        return units(item_bytes(new or old or {}), WRITE_UNIT)
    keys = INDEXES[index][0]
    if any(old[key] != new[key] for key in keys):
        # An entry goes and another comes.
        return units(item_bytes(old), WRITE_UNIT) + units(item_bytes(new), WRITE_UNIT)
    return units(max(item_bytes(old), item_bytes(new)), WRITE_UNIT)


def _projection(index: str, item: Item | None) -> Item | None:
    keys, copied = INDEXES[index]
    if item is None or not keys <= item.keys():
        return None
    return {name: value for name, value in item.items() if copied is None or name in copied}


def read_units(size: int, consistent: bool) -> float:
    """A missing item costs as much as a small one."""
    return units(size, READ_UNIT) * (1.0 if consistent else 0.5)
