"""The windows that workers left open, as the ledger's own writes show them: the slots that are in doubt by a crash.

A window is left open when a later lease finds it and is not its opener's. Written down from the calls that the service
answered with yes.
"""

import base64
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from calls import Call

# version and number 4 | opener 16 | route 1 | slots 13 | resent 13
OPENER, SLOTS = slice(4, 20), slice(21, 34)
Chunk = tuple[str, int]


@dataclass
class Windows:
    """By chunk: the opener and the slots of the window that is open."""

    open: dict[Chunk, tuple[bytes, frozenset[int]]] = field(default_factory=dict)
    """By batch: chunk, opener and slots of every window that somebody else found."""
    left: dict[str, set[tuple[int, bytes, frozenset[int]]]] = field(default_factory=lambda: defaultdict(set))

    def note(self, call: Call) -> None:
        """A call that the ledger has carried out."""
        if call.chunk is None or not call.batches or not call.operation.startswith("DynamoDB UpdateItem"):
            return
        (batch,) = call.batches
        values = call.document.get("ExpressionAttributeValues", {})
        chunk = (batch, call.chunk)
        if call.kind == "lease":
            self._leased(chunk, _bytes(values[":token"]))
        elif ":after" in values:
            window = _bytes(values[":after"])
            if call.kind == "opening":
                self.open[chunk] = (window[OPENER], _slots(window[SLOTS]))
            else:
                self.open.pop(chunk, None)

    def _leased(self, chunk: Chunk, token: bytes) -> None:
        opener, slots = self.open.get(chunk, (token, frozenset()))
        if opener != token:
            batch, number = chunk
            self.left[batch].add((number, opener, slots))


def _bytes(value: dict[str, Any]) -> bytes:
    return base64.b64decode(value["B"])


def _slots(bits: bytes) -> frozenset[int]:
    number = int.from_bytes(bits, "little")
    return frozenset(slot for slot in range(len(bits) * 8) if number >> slot & 1)
