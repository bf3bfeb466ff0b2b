"""What is to be broken: which calls, how, how often. A rule that did not get its number is a failure of its scenario."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from calls import Call


class Moment(Enum):
    BEFORE = "before it is passed on"
    AFTER = "after it was answered, before the caller hears it"


@dataclass(frozen=True)
class Kill:
    """SIGKILL to the caller."""

    moment: Moment


@dataclass(frozen=True)
class Drop:
    """The connection ends without an answer."""

    moment: Moment


@dataclass(frozen=True)
class Delay:
    seconds: float
    moment: Moment


@dataclass(frozen=True)
class Repeat:
    """Passed on once more, this much later: the first try of a call that was thought lost."""

    after_seconds: float


@dataclass(frozen=True)
class Meet:
    """The opening of a window: passed on, and answered when the chunk's pointer, delivered once more, has asked for the lease.

    Counts only if it did so within this time.
    """

    within_seconds: float


@dataclass(frozen=True)
class Answer:
    """Answered here; the service never hears of it."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Deny:
    """Passed on, and then answered with this all the same."""

    status: int
    body: bytes


@dataclass(frozen=True)
class HalfClose:
    """Passed on, then our side of the connection ends without an answer and the caller's stays open."""


@dataclass(frozen=True)
class Silence:
    """Passed on, and never answered: until the caller gives up."""


@dataclass(frozen=True)
class Swallow:
    """Messages to a queue: answered as if they were on it. They are lost."""


@dataclass(frozen=True)
class Refuse:
    """Messages to a queue: the first so many of a call don't come through, and the answer says so."""

    entries: int


Injection = Kill | Drop | Delay | Repeat | Meet | Answer | Deny | HalfClose | Silence | Swallow | Refuse


def refusal(error: str) -> bytes:
    """What DynamoDB says when it refuses."""
    return f'{{"__type":"com.amazonaws.dynamodb.v20120810#{error}","message":"injected"}}'.encode()


THROTTLED = Answer(400, refusal("ProvisionedThroughputExceededException"))
CONDITION_FAILED = Answer(400, refusal("ConditionalCheckFailedException"))
INTERNAL_ERROR = Answer(500, refusal("InternalServerError"))
KEY_THROTTLED = Answer(400, b'{"__type":"ThrottlingException","message":"injected"}')
KEY_DENIED = Answer(400, b'{"__type":"AccessDeniedException","message":"injected"}')


@dataclass
class Rule:
    name: str
    matches: Callable[[Call], bool]
    inject: Injection
    wanted: int
    seed: int
    """Of the calls that match."""
    share: float = 1.0
    """Only calls of these functions."""
    functions: frozenset[str] = frozenset()
    matched: int = 0
    injected: int = 0

    def draw(self, call: Call) -> bool:
        """Whether this call is hit: a function of the seed and of how many matched before."""
        if self.injected >= self.wanted or not self.matches(call):
            return False
        self.matched += 1
        digest = hashlib.sha256(f"{self.seed}/{self.name}/{self.matched}".encode()).digest()
        return int.from_bytes(digest[:4], "big") / 2**32 < self.share

    def hit(self) -> None:
        self.injected += 1
