"""DynamoDB refuses, hesitates, repeats, and answers what is not so; KMS opens no credentials."""

from collections.abc import Callable

from calls import Call
from rules import (
    CONDITION_FAILED,
    INTERNAL_ERROR,
    KEY_DENIED,
    KEY_THROTTLED,
    THROTTLED,
    Delay,
    Deny,
    Drop,
    Moment,
    Repeat,
    Rule,
)
from scenario import AT_LEAST_ONCE, AT_MOST_ONCE, Doubt, Scenario, World

# A worker's time is 20 s, its lease 22 s, the next sweep finds its chunk 4 s later.
LATER_THAN_A_LEASE = 36
WRITES = ("lease", "opening", "provider ids", "completion", "letting go", "receipts")


def _all_of_mine(world: World) -> Callable[[Call], bool]:
    accounts = world.arena.proxy.accounts

    def matches(call: Call) -> bool:
        mine = any(accounts.get(batch) == world.account for batch in call.batches)
        return mine and call.operation.startswith("DynamoDB")

    return matches


def _throttled(world: World) -> None:
    rule = Rule("any/0", _all_of_mine(world), THROTTLED, 300, world.seed, 0.3)
    world.rules.append(rule)


def _condition_failed(world: World) -> None:
    """Now and then the answer is no: the call never arrived, or it was carried out all the same."""
    world.rule(WRITES, CONDITION_FAILED, 20, 0.25)
    world.rule(WRITES[1:], Deny(CONDITION_FAILED.status, CONDITION_FAILED.body), 20, 0.25)


def _errors(world: World) -> None:
    world.rule(WRITES, INTERNAL_ERROR, 20, 0.25)
    world.rule(WRITES, Deny(INTERNAL_ERROR.status, INTERNAL_ERROR.body), 20, 0.25)


def _answers_lost(world: World) -> None:
    world.rule(WRITES, Drop(Moment.AFTER), 25, 0.3)


def _repeated_late(world: World) -> None:
    for seconds in (0.05, 0.5, 3):
        world.rule(WRITES, Repeat(seconds), 10, 0.2)


def _late(world: World) -> None:
    """Written long after its writer ended and another took the chunk."""
    world.rule("opening", Delay(LATER_THAN_A_LEASE, Moment.BEFORE), 10, 0.4)
    world.rule("completion", Delay(LATER_THAN_A_LEASE, Moment.BEFORE), 10)


def _down(world: World) -> None:
    """Not one write of a batch comes through, for as long as it takes to refuse so many."""
    world.rule(WRITES, INTERNAL_ERROR, 120)


def _credentials(world: World) -> None:
    """Throttled first, then denied."""

    def opens_mine(call: Call) -> bool:
        context = call.document.get("EncryptionContext", {})
        return call.operation == "KMS Decrypt" and world.account in context.values()

    for number, answer in enumerate((KEY_THROTTLED, KEY_DENIED)):
        world.rules.append(Rule(f"credentials/{number}", opens_mine, answer, 6, world.seed))


def _slow(world: World) -> None:
    world.rule(WRITES, Delay(2.5, Moment.AFTER), 25, 0.3)


FAULTS = [
    ("throttled", "three in ten calls to DynamoDB throttled", _throttled),
    ("conditions", "DynamoDB says that a condition failed: not carried out, or carried out", _condition_failed),
    ("errors", "DynamoDB answers 500: not carried out, or carried out", _errors),
    ("answers-lost", "the connection ends after a write, before its answer", _answers_lost),
    ("repeated", "writes arrive once more, up to three seconds late", _repeated_late),
    ("late", "writes arrive when their writer's lease is over", _late),
    ("down", "DynamoDB refuses every write of a batch, until it has refused 120", _down),
    ("slow", "DynamoDB answers after 2.5 s", _slow),
]

SCENARIOS = [
    Scenario(
        f"dynamodb-{name}-{policy.replace('_', '-')}",
        what,
        policy,
        breaks,
        recipients=1_200,
        doubt=Doubt.CRASHES,
    )
    for name, what, breaks in FAULTS
    for policy in (AT_MOST_ONCE, AT_LEAST_ONCE)
] + [
    Scenario(
        "kms-denied",
        "KMS opens no credentials: throttled, then denied",
        AT_MOST_ONCE,
        _credentials,
        recipients=600,
    )
]