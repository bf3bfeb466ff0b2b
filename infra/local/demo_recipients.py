"""The demo's recipients: a CSV like people's real ones, and what is right to expect of it.

The generator counts as it writes, so its numbers owe nothing to the code under test.
"""

import csv
import io
import random
from dataclasses import dataclass, field

ROWS = 10_000
BAD = 120
DUPLICATES = 180

# Mobile ranges by country: prefix and how many digits follow; the British one is for fiction. Nothing leaves this machine.
RANGES = [("+4477009", 5), ("+336120", 5), ("+491512", 7), ("+346120", 5)]

NAMES = ["Ada", "Grace", "Linus", "Zoë", "Søren", "Chloé", "Mateo", "Łukasz", "Jürgen", "Aoife", "Noor", "Ben"]

BAD_PHONES = ["", "n/a", "12", "4.47401E+11", "+44 7700", "+999123456789", "call me", "07700900456", "+1", "#REF!"]


@dataclass
class Recipients:
    """The file, and how its rows must be sorted out."""

    content: bytes
    uploaded: int
    rejected: int
    duplicates: int
    numbers: set[str] = field(repr=False)

    @property
    def accepted(self) -> int:
        return len(self.numbers)


def generate(seed: int = 1) -> Recipients:
    """The same seed makes the same file."""
    chance = random.Random(seed)
    numbers = _distinct_numbers(chance, ROWS - BAD - DUPLICATES)
    rows = [(_written(chance, number), chance.choice(NAMES)) for number in numbers]
    rows += [(_written(chance, number), "Again") for number in chance.sample(numbers, DUPLICATES)]
    rows += [(BAD_PHONES[index % len(BAD_PHONES)], "Nobody") for index in range(BAD)]
    chance.shuffle(rows)

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["phone", "name"])
    writer.writerows(rows)
    return Recipients(
        content=text.getvalue().encode(),
        uploaded=len(rows),
        rejected=BAD,
        duplicates=DUPLICATES,
        numbers=set(numbers),
    )


def _distinct_numbers(chance: random.Random, count: int) -> list[str]:
    numbers: dict[str, None] = {}
    while len(numbers) < count:
        prefix, digits = chance.choices(RANGES, weights=[6, 2, 1, 1])[0]
        numbers[prefix + "".join(chance.choices("0123456789", k=digits))] = None
    return list(numbers)


def _written(chance: random.Random, number: str) -> str:
    """A number as people type it."""
    style = chance.random()
    if style < 0.8:
        return number
    if style < 0.9:
        return f"{number[:3]} {number[3:6]} {number[6:]}"
    return f"{number[:3]}-{number[3:7]}-{number[7:]}"
