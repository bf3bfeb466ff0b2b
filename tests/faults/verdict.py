"""What came of a scenario: the report by recount, the messages slot by slot, the simulator's counts, side by side."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from scenario import AT_LEAST_ONCE, OPEN, World

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
WINDOW_SLOTS = 25
TAKEN = ("sent", "delivered", "undelivered")
NOT_SENT = ("failed", "expired", "suppressed", "cancelled")


@dataclass
class Found:
    """Everything about the messages of one world."""

    """By number: batch, chunk, slot, status."""
    messages: dict[str, tuple[str, int, int, str]] = field(default_factory=dict)
    """What the simulator says, by number."""
    truth: dict[str, dict[str, Any]] = field(default_factory=dict)
    accepted: int = 0
    resent: int = 0
    wrong: list[str] = field(default_factory=list)

    def sent(self, number: str) -> int:
        return self.truth.get(number, {"accepted": 0})["accepted"]

    def told(self, number: str) -> str | None:
        """The last report that the simulator got rid of."""
        return self.truth.get(number, {"status": None})["status"]


def judge(world: World, seconds: float) -> dict[str, Any]:
    found = _find(world)
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


def _find(world: World) -> Found:
    found = Found(truth=world.gateway.recipients())
    for path, numbers in world.sent.items():
        report = world.api.get(f"{path}/report")
        statuses: Counter[str] = Counter()
        for message in world.messages(path):
            number = message["to"]
            if number in found.messages:
                found.wrong.append(f"two messages are for {number}")
            found.messages[number] = (message["batch"], *address(message["id"]), message["status"])
            statuses[message["status"]] += 1
        counts = {status: count for status, count in report["counts"].items() if count}
        if counts != statuses:
            found.wrong.append(f"the report counts {counts}, the messages are {dict(statuses)}")
        if not report["accepted"] == sum(counts.values()) == len(numbers):
            found.wrong.append(f"{len(numbers)} were given, {report['accepted']} accepted, {sum(counts.values())} counted")
        found.accepted += report["accepted"]
        found.resent += report["resent"]
    return found


def address(message: str) -> tuple[int, int]:
    """Chunk and slot of a message id."""
    value = 0
    for letter in message.removeprefix("msg_"):
        value = value << 5 | ALPHABET.index(letter)
    return value >> 8 & 0xFFFFFF, value & 0xFF


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
    wrong = []
    if settled := [number for number in unknown if found.told(number)]:
        wrong.append(f"{len(settled)} are unknown although a receipt came")
    if not world.scenario.crashes_only:
        return wrong
    kills = sum(rule.injected for rule in world.rules)
    if len(unknown) > WINDOW_SLOTS * kills:
        wrong.append(f"{len(unknown)} are unknown after {kills} kills")
    if world.scenario.policy == AT_LEAST_ONCE:
        return wrong
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
