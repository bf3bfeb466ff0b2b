"""The dispatcher ends between pointers and cursor; pointers come twice, together, or not at all."""

import threading

from rules import Kill, Moment, Refuse, Repeat, Swallow
from scenario import AT_LEAST_ONCE, AT_MOST_ONCE, Scenario, World, campaigns

DISPATCH = "carillon-dispatch"
KILLS = 20
# A chunk is released about once a second, so that there are many calls.
SLOWLY = {"parts_per_second": 100, "recipients": 2_000}


def _between(world: World) -> None:
    world.rule("pointers", Kill(Moment.AFTER), KILLS, 1.0, DISPATCH)


def _after_the_cursor(world: World) -> None:
    world.rule("cursor", Kill(Moment.AFTER), KILLS, 1.0, DISPATCH)


def _hurried(world: World) -> None:
    """A killed dispatcher's lock is taken away: it ends by itself, after as long as the function may run."""
    campaigns(world)
    (kills,) = world.rules
    threading.Thread(target=_unlock, args=(world, kills), daemon=True).start()


def _unlock(world: World, kills) -> None:
    tables, seen = world.arena.stack.client("dynamodb"), 0
    key = {"pk": {"S": "lock"}, "sk": {"S": "dispatch"}}
    while not world.over.wait(0.2):
        if kills.injected > seen:
            seen = kills.injected
            tables.delete_item(TableName=world.arena.values["CORE_TABLE"], Key=key)


def _twice(world: World) -> None:
    world.rule("pointers", Repeat(0), 10, 0.5)
    world.rule("pointers", Repeat(1), 10)


def _lost(world: World) -> None:
    world.rule("pointers", Swallow(), KILLS, 0.7)


def _refused(world: World) -> None:
    world.rule("pointers", Refuse(3), KILLS)


def _scenarios(policy: str) -> list[Scenario]:
    end = policy.replace("_", "-")
    return [
        Scenario(f"pointers-twice-{end}", "pointers delivered twice, together and a second apart", policy, _twice, **SLOWLY),
    ]


SCENARIOS = [
    Scenario(
        "dispatch-between",
        "`dispatch` killed between the pointers and the cursor",
        AT_MOST_ONCE,
        _between,
        _hurried,
        crashes_only=True,
        **SLOWLY,
    ),
    Scenario(
        "dispatch-after-cursor",
        "`dispatch` killed after the cursor",
        AT_MOST_ONCE,
        _after_the_cursor,
        _hurried,
        crashes_only=True,
        **SLOWLY,
    ),
    *_scenarios(AT_MOST_ONCE),
    *_scenarios(AT_LEAST_ONCE),
    Scenario("pointers-lost", "pointers taken by the queue and gone", AT_MOST_ONCE, _lost, **SLOWLY),
    Scenario("pointers-refused", "three pointers of each call not taken by the queue", AT_MOST_ONCE, _refused, **SLOWLY),
]
