"""DynamoDB refuses, hesitates, repeats, and answers what is not so."""

from collections.abc import Callable

from calls import Call
from rules import (
    CONDITION_FAILED,
    INTERNAL_ERROR,
    THROTTLED,
    Delay,
    Deny,
    Drop,
    Moment,
    Repeat,
    Rule,
)
from scenario import AT_LEAST_ONCE, AT_MOST_ONCE, Scenario, World

LEDGER_WRITES = ("lease", "opening", "completion", "letting go", "provider ids", "receipts", "chunk")


def _all_of_mine(world: World) -> Callable[[Call], bool]:
    accounts = world.arena.proxy.accounts

    def matches(call: Call) -> bool:
        mine = any(accounts.get(batch) == world.account for batch in call.batches)
        return mine and call.operation.startswith("DynamoDB")

    return matches


def _throttled(world: World) -> None:
    rule = Rule(f"{world.scenario.name}/any", _all_of_mine(world), THROTTLED, 300, world.seed, 0.3)
    world.rules.append(rule)


def _condition_failed(world: World) -> None:
    """Now and then the answer is no: the call never arrived, or it was carried out all the same."""
    for kind in ("lease", "opening", "completion", "receipts"):
        world.rule(kind, CONDITION_FAILED, 5, 0.2)
    for kind in ("opening", "completion", "receipts"):
        world.rule(kind, Deny(CONDITION_FAILED.status, CONDITION_FAILED.body), 5, 0.2)


def _errors(world: World) -> None:
    for kind in LEDGER_WRITES[:4]:
        world.rule(kind, INTERNAL_ERROR, 5, 0.2)
        world.rule(kind, Deny(INTERNAL_ERROR.status, INTERNAL_ERROR.body), 5, 0.2)


def _answers_lost(world: World) -> None:
    for kind in ("lease", "opening", "completion", "provider ids", "receipts"):
        world.rule(kind, Drop(Moment.AFTER), 6, 0.2)


def _repeated_late(world: World) -> None:
    for kind in ("lease", "opening", "completion", "receipts"):
        for seconds in (0.05, 0.5, 3):
            world.rule(kind, Repeat(seconds), 5, 0.2)


def _slow(world: World) -> None:
    for kind in ("lease", "opening", "completion", "receipts"):
        world.rule(kind, Delay(2.5, Moment.AFTER), 6, 0.2)


FAULTS = [
    ("throttled", "three in ten calls to DynamoDB throttled", _throttled),
    ("conditions", "DynamoDB says that a condition failed: not carried out, or carried out", _condition_failed),
    ("errors", "DynamoDB answers 500: not carried out, or carried out", _errors),
    ("answers-lost", "the connection ends after a write, before its answer", _answers_lost),
    ("repeated", "writes arrive once more, up to three seconds late", _repeated_late),
    ("slow", "DynamoDB answers after 2.5 s", _slow),
]

SCENARIOS = [
    Scenario(
        f"dynamodb-{name}-{policy.replace('_', '-')}",
        what,
        policy,
        breaks,
        recipients=1_200,
        crashes_only=True,
    )
    for name, what, breaks in FAULTS
    for policy in (AT_MOST_ONCE, AT_LEAST_ONCE)
]