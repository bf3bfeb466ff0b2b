"""Pointers that are delivered once more while a worker has their chunk.

Kept as they pass on their way to a lane. Whoever was answered that its window is open is kept waiting until the double's
worker has asked for the lease too, so that the two surely meet.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from copy import copy

from calls import Call
from http1 import Message
from windows import OPENER

Chunk = tuple[str, int]
# Who is kept waiting holds one of the lane's workers, and the doubles need some.
AT_ONCE = 3


class Doubles:
    def __init__(self) -> None:
        """By chunk: the call that took its pointer to a lane, and its entry there."""
        self._pointers: dict[Chunk, tuple[Message, dict]] = {}
        """By chunk: who has it, and the lease that another asks for."""
        self._waiting: dict[Chunk, tuple[str, asyncio.Event]] = {}

    def note(self, request: Message, call: Call) -> None:
        """A call that was carried out, whatever its answer."""
        if call.kind == "pointers":
            for entry in call.document.get("Entries", []):
                pointer = json.loads(entry["MessageBody"])
                self._pointers[pointer["batch"], pointer["chunk"]] = (request, entry)
        elif call.kind == "lease" and (waiting := self._waiting.get(_chunk(call))):
            owner, came = waiting
            if call.document["ExpressionAttributeValues"][":token"]["B"] != owner:
                came.set()

    def can_meet(self, call: Call) -> bool:
        chunk = _chunk(call)
        return chunk in self._pointers and chunk not in self._waiting and len(self._waiting) < AT_ONCE

    async def meet(self, opening: Call, seconds: float, deliver: Callable[[Message], Awaitable[Message]]) -> bool:
        """Delivers the chunk's pointer again. Whether its worker asked for the lease within this time."""
        chunk, came = _chunk(opening), asyncio.Event()
        self._waiting[chunk] = (_opener(opening), came)
        try:
            async with asyncio.timeout(seconds):
                await deliver(self._double(chunk))
                await came.wait()
        except TimeoutError:
            return False
        finally:
            del self._waiting[chunk]
        return True

    def _double(self, chunk: Chunk) -> Message:
        request, entry = self._pointers[chunk]
        double = copy(request)
        double.body = json.dumps(json.loads(request.body) | {"Entries": [entry]}).encode()
        return double


def _chunk(call: Call) -> Chunk:
    (batch,) = call.batches
    return batch, call.chunk if call.chunk is not None else -1


def _opener(opening: Call) -> str:
    """As a lease's token is written."""
    window = base64.b64decode(opening.document["ExpressionAttributeValues"][":after"]["B"])
    return base64.b64encode(window[OPENER]).decode()
