"""What came of a scenario: the report by recount, the messages slot by slot, the simulator's counts, side by side."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scenario import World

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


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


def find(world: "World") -> Found:
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
