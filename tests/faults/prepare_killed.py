"""`prepare` ends without warning at each of its writes; whoever follows goes on from the manifest, or begins anew."""

from rules import Kill, Moment
from scenario import AT_MOST_ONCE, Scenario, World

PREPARE = "carillon-prepare"


def _killed(kind: str, before: int, after: int):
    def breaks(world: World) -> None:
        world.rule(kind, Kill(Moment.BEFORE), before, functions=PREPARE)
        world.rule(kind, Kill(Moment.AFTER), after, functions=PREPARE)

    return breaks


# name, words, the call, kills before it and after it. A batch has one manifest and becomes ready once.
POINTS = [
    ("part", "a part of the recipients", "part", 10, 10),
    ("manifest", "the manifest", "manifest", 12, 8),
    ("chunk", "a chunk", "chunk", 10, 10),
    ("ready", "the batch's stage", "ready", 12, 8),
    ("wake", "the message that wakes `dispatch`", "to dispatch", 10, 10),
]

SCENARIOS = [
    Scenario(
        f"prepare-{name}",
        f"`prepare` killed before and after it wrote {words}",
        AT_MOST_ONCE,
        _killed(kind, before, after),
        campaigns=8,
        recipients=230,
    )
    for name, words, kind, before, after in POINTS
]
