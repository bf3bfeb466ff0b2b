"""`send` ends without warning at each step of its protocol."""

from rules import Kill, Moment
from scenario import AT_LEAST_ONCE, AT_MOST_ONCE, Doubt, Scenario, World

KILLS = 20


def _killed(kind: str, moment: Moment, share: float):
    def breaks(world: World) -> None:
        world.rule(kind, Kill(moment), KILLS, share)

    return breaks


# name, words, the call at which it is killed, when, the share of such calls
POINTS = [
    ("after-lease", "the lease was given", "lease", Moment.AFTER, 0.9),
    ("before-window", "the window was to be opened", "opening", Moment.BEFORE, 0.4),
    ("window-open", "the window was open, nothing was sent", "opening", Moment.AFTER, 0.5),
    ("during-window", "some of the window were sent", "gateway send", Moment.AFTER, 0.05),
    ("before-record", "the gateway had answered, nothing was recorded", "provider ids", Moment.BEFORE, 0.5),
    ("before-completion", "everything was sent, the chunk not done", "completion", Moment.BEFORE, 0.9),
    ("after-completion", "the chunk was done, the pointer not acknowledged", "completion", Moment.AFTER, 1.0),
]

SCENARIOS = [
    Scenario(
        f"send-{name}-{policy.replace('_', '-')}",
        f"`send` killed when {words}",
        policy,
        _killed(kind, moment, share),
        recipients=2_000 if name == "after-completion" else 1_200,
        doubt=Doubt.CRASHES,
    )
    for name, words, kind, moment, share in POINTS
    for policy in (AT_MOST_ONCE, AT_LEAST_ONCE)
]

# In the lane `low` a worker has ten chunks at once, and so up to ten windows open when it ends.
SCENARIOS += [
    Scenario(
        f"send-ten-chunks-{policy.replace('_', '-')}",
        "`send` killed while it works on ten chunks",
        policy,
        _killed("gateway send", Moment.AFTER, 0.05),
        # A kill puts ten windows in doubt, 250 messages: twenty kills need enough of them.
        recipients=5_000,
        lane="low",
        doubt=Doubt.CRASHES,
    )
    for policy in (AT_MOST_ONCE, AT_LEAST_ONCE)
]
