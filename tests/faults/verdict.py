"""Whether a scenario kept the promises."""

from collections import Counter
from typing import Any

from found import Found, find
from scenario import AT_LEAST_ONCE, OPEN, Doubt, World

WINDOW_SLOTS = 25
# Pointers an invocation takes: elsewhere one.
CHUNKS_AT_ONCE = {"low": 10}
TAKEN = ("sent", "delivered", "undelivered")
NOT_SENT = ("failed", "expired", "suppressed", "cancelled")


def judge(world: World, seconds: float) -> dict[str, Any]:
    found = find(world)
    expected = [number for numbers in world.sent.values() for number in numbers]
    lost = _lost(found, expected)
    unknown = {number for number, message in found.messages.items() if message[3] == "unknown"}
    sent = Counter(min(found.sent(number), 2) for number in expected)
    wrong = found.wrong
    wrong += [f"{len(lost)} lost, such as {lost[0]}"] if lost else []
    wrong += _twice(world, found, expected)
    wrong += _unknown(world, found, unknown)
    wrong += _contradictions(found)
    misbehaved = world.scenario.misbehaved(world)
    injected = sum(rule.injected for rule in world.rules) + misbehaved
    if misbehaved < world.scenario.misbehaves:
        wrong.append(f"the gateway misbehaved {misbehaved} of {world.scenario.misbehaves} times")
    for rule in world.rules:
        if rule.injected < rule.wanted:
            wrong.append(f"{rule.name}: injected {rule.injected} of {rule.wanted} ({rule.matched} calls matched)")
    wrong += world.scenario.expects(world, found)
    return {
        "scenario": world.scenario.name,
        "what": world.scenario.what,
        "policy": world.scenario.policy,
        "seed": world.seed,
        "injected": injected,
        "accepted": found.accepted,
        "sent_once": sent[1],
        "sent_twice": sent[2],
        "lost": len(lost),
        "unknown": len(unknown),
        "resent": found.resent,
        "seconds": round(seconds),
        "wrong": wrong,
    }


def _lost(found: Found, expected: list[str]) -> list[str]:
    """No message, no end in time, or an end that says it was sent when it was not."""
    lost = []
    for number in expected:
        *_, status = found.messages.get(number, (None,))
        if status is None or status in OPEN or (status in TAKEN and not found.sent(number)):
            lost.append(number)
    return lost


def _twice(world: World, found: Found, expected: list[str]) -> list[str]:
    extras = Counter({number: found.sent(number) - 1 for number in expected if found.sent(number) > 1})
    wrong = []
    if strangers := set(found.truth) - set(expected):
        wrong.append(f"{len(strangers)} numbers were sent to that nobody asked for")
    if world.scenario.policy != AT_LEAST_ONCE and extras:
        wrong.append(f"{len(extras)} were sent twice")
    if extras and max(extras.values()) > 1:
        wrong.append("somebody got a message more than twice")
    if extras.total() > found.resent:
        wrong.append(f"{extras.total()} were sent again, and the report says {found.resent}")
    return wrong


def left_open(world: World) -> set[tuple[str, int, int]]:
    """Batch, chunk and slot of what was in a window that its opener never closed."""
    left = world.arena.proxy.windows.left
    return {
        (batch, chunk, slot) for batch in world.batches() for chunk, _, slots in left.get(batch, ()) for slot in slots
    }


def _unknown(world: World, found: Found, unknown: set[str]) -> list[str]:
    scenario = world.scenario
    wrong = []
    if settled := [number for number in unknown if found.told(number)]:
        wrong.append(f"{len(settled)} are unknown although a receipt came")
    if scenario.doubt is Doubt.NOWHERE and (unknown or found.resent):
        wrong.append(f"{len(unknown)} are unknown and {found.resent} sent again, and nothing was in doubt")
    if scenario.doubt is Doubt.CRASHES and scenario.policy != AT_LEAST_ONCE:
        wrong += _beside_the_windows(world, found, unknown)
    return wrong


def _beside_the_windows(world: World, found: Found, unknown: set[str]) -> list[str]:
    """Unknown must be what was left open and never reported: nothing more, nothing less."""
    wrong = []
    kills = sum(rule.injected for rule in world.rules)
    chunks = CHUNKS_AT_ONCE.get(world.scenario.lane, 1)
    if world.rules and len(unknown) > WINDOW_SLOTS * kills * chunks:
        wrong.append(f"{len(unknown)} are unknown after {kills} kills")
    open_ = left_open(world)
    doubted = {number for number, (*slot, _) in found.messages.items() if tuple(slot) in open_}
    expected = {number for number in doubted if not found.told(number)}
    if unknown != expected:
        wrong.append(f"{len(unknown)} are unknown, {len(expected)} were left open and never reported")
    return wrong


def _contradictions(found: Found) -> list[str]:
    words = {"DELIVRD": "delivered", "UNDELIV": "undelivered"}
    wrong = Counter()
    for number, (*_, status) in found.messages.items():
        told = words.get(found.told(number) or "")
        if told and status != told:
            wrong[f"are {status} and were reported {told}"] += 1
        if status in NOT_SENT and found.sent(number) and not found.told(number):
            wrong[f"are {status} and were sent"] += 1
    return [f"{count} {what}" for what, count in wrong.items()]
