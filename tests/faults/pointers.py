"""The dispatcher ends between pointers and cursor; pointers come twice, together, or not at all."""

import threading

from rules import Kill, Meet, Moment, Refuse, Repeat, Rule, Swallow
from found import Found
from scenario import AT_LEAST_ONCE, AT_MOST_ONCE, Scenario, World, campaigns

DISPATCH = "carillon-dispatch"
KILLS = 20


def _begun(world: World) -> None:
    world.rule("begin", Kill(Moment.AFTER), KILLS, 1.0, DISPATCH)


def _between(world: World) -> None:
    world.rule("pointers", Kill(Moment.AFTER), KILLS, 1.0, DISPATCH)


def _after_the_cursor(world: World) -> None:
    world.rule("cursor", Kill(Moment.AFTER), KILLS, 1.0, DISPATCH)


def _hurried(world: World) -> None:
    """A killed dispatcher's lock is taken away: it ends by itself, after as long as the function may run."""
    campaigns(world)
    (kills,) = world.rules
    threading.Thread(target=_unlock, args=(world, kills), daemon=True).start()


def _unlock(world: World, kills: Rule) -> None:
    tables, seen = world.arena.stack.client("dynamodb"), 0
    key = {"pk": {"S": "lock"}, "sk": {"S": "dispatch"}}
    while not world.over.wait(0.2):
        if kills.injected > seen:
            seen = kills.injected
            tables.delete_item(TableName=world.arena.values["CORE_TABLE"], Key=key)


def _in_order(world: World, found: Found) -> list[str]:
    ahead = sum(world.arena.proxy.cursors.ahead[batch] for batch in world.batches())
    return [f"the cursor was ahead of the pointers {ahead} times"] if ahead else []


def _twice(world: World) -> None:
    # Whether those of the other two meet anybody depends on how busy the machine is.
    world.rule("opening", Meet(within_seconds=8), 10)
    world.rule("pointers", Repeat(0), 10, 0.5)
    world.rule("pointers", Repeat(1), 10)


def _lost(world: World) -> None:
    world.rule("pointers", Swallow(), KILLS)


def _refused(world: World) -> None:
    world.rule("pointers", Refuse(1), KILLS)


# A chunk each, and so many calls with pointers.
MANY = {"campaigns": 24, "recipients": 100}

SCENARIOS = [
    Scenario(
        "dispatch-begun",
        "`dispatch` killed after the batch says that it begins, before its first pointers",
        AT_MOST_ONCE,
        _begun,
        _hurried,
        expects=_in_order,
        recipients=500,
    ),
    Scenario(
        "dispatch-between",
        "`dispatch` killed between the pointers and the cursor",
        AT_MOST_ONCE,
        _between,
        _hurried,
        expects=_in_order,
        recipients=2_000,
    ),
    Scenario(
        "dispatch-after-cursor",
        "`dispatch` killed after the cursor",
        AT_MOST_ONCE,
        _after_the_cursor,
        _hurried,
        expects=_in_order,
        # So slow that a dispatcher moves its cursor by a chunk or two before it is killed.
        parts_per_second=40,
        recipients=4_500,
    ),
    *(
        Scenario(
            f"pointers-twice-{policy.replace('_', '-')}",
            "pointers delivered twice: together, a second apart, and while a window of their chunk is open",
            policy,
            _twice,
            # So slow that the doubles don't wait behind many others.
            parts_per_second=200,
            **MANY,
        )
        for policy in (AT_MOST_ONCE, AT_LEAST_ONCE)
    ),
    Scenario("pointers-lost", "pointers taken by the queue and gone", AT_MOST_ONCE, _lost, **MANY),
    Scenario(
        "pointers-refused",
        "one pointer of each call not taken by the queue",
        AT_MOST_ONCE,
        _refused,
        campaigns=12,
        recipients=200,
    ),
]
