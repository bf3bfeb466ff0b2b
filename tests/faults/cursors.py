"""Whether pointers come before the cursor: a cursor that names chunks whose pointers nobody sent is ahead of them."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from calls import Call


@dataclass
class Cursors:
    """By batch: the chunks whose pointers were sent."""

    pointed: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """By batch: how often the cursor was ahead of them."""
    ahead: Counter[str] = field(default_factory=Counter)

    def note(self, call: Call) -> None:
        if call.kind == "pointers":
            for entry in call.document.get("Entries", [call.document]):
                pointer = json.loads(entry["MessageBody"])
                self.pointed[pointer["batch"]].add(pointer["chunk"])
        elif call.kind == "cursor":
            (batch,) = call.batches
            cursor = int(call.document["ExpressionAttributeValues"][":cursor"]["N"])
            self.ahead[batch] += not self.pointed[batch].issuperset(range(cursor))
