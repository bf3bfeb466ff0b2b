"""MiniStack as the local stack starts it: with its large partitions kept in order.

Asked for a page of a partition, MiniStack sorts the whole of it and holds the key condition against each item: with a million
contacts that takes seconds, where DynamoDB takes as long as what it reads. Here a large partition is sorted when it is first
asked for, then kept so, and a page is found by search. All else of a query, its checks, filters and answer, is MiniStack's own.
Run it with `.local/ministack/bin/python`; `stack.py` does.
"""

import functools
import threading
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from ministack import app
from ministack.services import dynamodb
from sortedcontainers import SortedDict

# Below this, sorting costs nothing.
LARGE = 256
# Kept with what MiniStack knows of a table's indexes, which it drops whenever it replaces items or indexes.
ORDERED = "ordered partitions"

Table = dict[str, Any]
Item = dict[str, Any]
# Of a partition of the table itself (no index), or of one of its indexes.
Partition = tuple[str | None, Any]
Order = tuple[Any, ...]


@functools.total_ordering
class Last:
    """Comes after any value of a key."""

    def __lt__(self, _: object) -> bool:
        return False


LAST = Last()
# MiniStack's requests are one after the other; what has expired it deletes from a thread beside them.
ONE_AT_A_TIME = threading.RLock()
sorting_query, plain_set_item, plain_remove_item = dynamodb._query, dynamodb._set_item, dynamodb._remove_item


def install() -> None:
    dynamodb._query, dynamodb._set_item, dynamodb._remove_item = query, set_item, remove_item


def query(data: dict[str, Any]) -> tuple:
    """MiniStack's own, which finds a table without items and is handed the page when it asks for one."""
    name = dynamodb._normalize_table_name(data.get("TableName"))
    table = dynamodb._tables.get(name)
    page_of = table and finder(table, data)
    if not page_of:
        return sorting_query(data)
    empty = table | {"items": {}, dynamodb._INDEX_MEMBERS: {}}
    names = vars(dynamodb) | {"_tables": {name: empty}, "_paginate_evaluated_items": lambda *_: page_of()}
    return FunctionType(sorting_query.__code__, names)(data)


def finder(table: Table, data: dict[str, Any]) -> Callable[[], tuple[list[Item], bool]] | None:
    """Finds the page that is asked for. None where MiniStack should: in a small partition, for an unusual question."""
    index, expression = data.get("IndexName"), data.get("KeyConditionExpression")
    if not expression or data.get("KeyConditions"):
        return None
    hashes, ranges = keys(table, index)
    if len(hashes) != 1 or len(ranges) > 1 or any(dynamodb._get_attr_type(table, name) == "B" for name in ranges):
        return None
    names, values = data.get("ExpressionAttributeNames") or {}, data.get("ExpressionAttributeValues") or {}
    partition = index, dynamodb._extract_pk_from_condition(expression, values, names, hashes[0])
    if size(table, partition) < LARGE:
        return None
    conditions = [condition(clause) for clause in dynamodb._key_condition_clauses(dynamodb._tokenize(expression))]
    if not all(conditions):
        return None
    of_the_sort_key = [found[1:] for found in conditions if found and names.get(found[0], found[0]) != hashes[0]]
    operator, operands = of_the_sort_key[0] if of_the_sort_key else ("ALL", [])

    def page() -> tuple[list[Item], bool]:
        # By now MiniStack has checked all that was asked.
        types = [dynamodb._get_attr_type(table, name) for name in ranges]
        of_values = [dynamodb._sort_key_value(values[operand], types[0]) for operand in operands]
        first, last = between(operator, *of_values)
        forward, start = data.get("ScanIndexForward", True), data.get("ExclusiveStartKey")
        if start and forward:
            first = max(first, (*order(table, index, start), LAST))
        elif start:
            last = min(last, order(table, index, start))
        with ONE_AT_A_TIME:
            found = ordered(table, partition).irange(first, last, (True, False), reverse=not forward)
            items = (table["items"][pk][sk] for pk, sk in map(ordered(table, partition).get, found))
            return dynamodb._paginate_evaluated_items(items, data.get("Limit"), table, index)

    return page


def condition(clause: list[tuple[str, str]]) -> tuple[str, str, list[str]] | None:
    """The name of an attribute, an operator, its operands. None when it is written in another way."""
    match [(kind, text) for kind, text in clause if kind not in ("LPAREN", "RPAREN", "COMMA")]:
        case [("IDENT" | "NAME_REF", name), ("EQ" | "LT" | "LE" | "GT" | "GE" as operator, _), ("VALUE_REF", value)]:
            return name, operator, [value]
        case [(_, "begins_with"), ("IDENT" | "NAME_REF", name), ("VALUE_REF", prefix)]:
            return name, "BEGINS_WITH", [prefix]
        case [("IDENT" | "NAME_REF", name), (_, between), ("VALUE_REF", low), _, ("VALUE_REF", high)] if between.upper() == "BETWEEN":
            return name, "BETWEEN", [low, high]
    return None


def between(operator: str, value: Any = None, high: Any = None) -> tuple[Order, Order]:
    """Where the items lie that a condition on the sort key holds for. Neither end is the place of an item."""
    match operator:
        case "EQ":
            return (value,), (value, LAST)
        case "LT":
            return (), (value,)
        case "LE":
            return (), (value, LAST)
        case "GT":
            return (value, LAST), (LAST,)
        case "GE":
            return (value,), (LAST,)
        case "BETWEEN":
            return (value,), (high, LAST)
        case "BEGINS_WITH":
            return (value,), (value + chr(0x10FFFF), LAST)
        case _:
            return (), (LAST,)


def set_item(table: Table, pk: Any, sk: Any, item: Item) -> Item | None:
    with ONE_AT_A_TIME:
        forget(table, pk, sk)
        old = plain_set_item(table, pk, sk, item)
        for partition in kept(table, pk, item):
            ordered(table, partition)[order(table, partition[0], item)] = pk, sk
        return old


def remove_item(table: Table, pk: Any, sk: Any) -> Item | None:
    with ONE_AT_A_TIME:
        forget(table, pk, sk)
        return plain_remove_item(table, pk, sk)


def forget(table: Table, pk: Any, sk: Any) -> None:
    if old := table["items"].get(pk, {}).get(sk):
        for partition in kept(table, pk, old):
            ordered(table, partition).pop(order(table, partition[0], old), None)


def kept(table: Table, pk: Any, item: Item) -> Iterator[Partition]:
    """The partitions kept in order that an item is in."""
    known = (table.get(dynamodb._INDEX_MEMBERS) or {}).get(ORDERED)
    if not known:
        return
    if (None, pk) in known:
        yield None, pk
    for index, hashes, ranges in dynamodb._index_key_schemas(table):
        partition = index, dynamodb._index_partition(item, hashes, ranges)
        if partition in known:
            yield partition


def ordered(table: Table, partition: Partition) -> SortedDict:
    """The keys of its items, by their order."""
    known = dynamodb._index_members(table).setdefault(ORDERED, {})
    if partition not in known:
        index, value = partition
        if index:
            members = dynamodb._index_members(table)[index][value]
        else:
            members = [(value, sk) for sk in table["items"][value]]
        known[partition] = SortedDict((order(table, index, table["items"][pk][sk]), (pk, sk)) for pk, sk in members)
    return known[partition]


def size(table: Table, partition: Partition) -> int:
    index, value = partition
    partitions = dynamodb._index_members(table).get(index, {}) if index else table["items"]
    return len(partitions.get(value, ()))


def order(table: Table, index: str | None, item: Item) -> Order:
    """By the sort key, then by the keys of the table."""
    names = dynamodb._index_order_keys(table, keys(table, index)[1])
    return tuple(dynamodb._index_order_value(item, name, kind) for name, kind in names)


def keys(table: Table, index: str | None) -> tuple[list[str], list[str]]:
    """Names of the attributes that partition it and of those that sort it."""
    if index:
        found = dynamodb._index_def(table, index)
        return dynamodb._index_key_lists(found) if found else ([], [])
    return [table["pk_name"]], [table["sk_name"]] if table["sk_name"] else []


if __name__ == "__main__":
    install()
    app.main()
