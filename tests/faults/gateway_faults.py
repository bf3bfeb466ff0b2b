"""The gateway is slow, says no, says nothing, or hangs up; sometimes after it took the message."""

from rules import Answer, Delay, Deny, Drop, HalfClose, Moment, Silence
from scenario import AT_LEAST_ONCE, AT_MOST_ONCE, Scenario, World

THROTTLED = Answer(429, b'{"status":"error","code":"THROTTLED"}', (("Retry-After", "1"),))
FAILED = Answer(500, b'{"status":"error","code":"INTERNAL"}')


def _at_sends(inject, wanted: int, share: float):
    def breaks(world: World) -> None:
        world.rule("gateway send", inject, wanted, share)

    return breaks


# name, words, what happens, how often, to which share; whether 5xx means that it was not taken
FAULTS = [
    ("slow", "gateway: answers after 4 s", Delay(4, Moment.AFTER), 100, 0.2, True),
    ("too-slow", "gateway: takes it, answers after the time-out", Delay(4, Moment.AFTER), 40, 0.1, True),
    ("429", "gateway: a storm of 429", THROTTLED, 400, 0.7, True),
    ("500", "gateway: 500, not taken", FAILED, 100, 0.2, True),
    ("500-taken", "gateway: 500, and taken", Deny(FAILED.status, FAILED.body), 40, 0.1, False),
    ("half-closed", "gateway: takes it, closes its half of the connection", HalfClose(), 40, 0.1, True),
    ("reset-before", "gateway: hangs up before it took it", Drop(Moment.BEFORE), 40, 0.1, True),
    ("reset-after", "gateway: takes it and hangs up", Drop(Moment.AFTER), 40, 0.1, True),
    ("silent", "gateway: takes it and never answers", Silence(), 40, 0.1, True),
]


def _scenario(name, what, inject, wanted, share, honest, policy, **more) -> Scenario:
    timeout_ms = 1_500 if "too-slow" in name or "silent" in name else 10_000
    breaks = _at_sends(inject, wanted, share)
    return Scenario(
        name, what, policy, breaks, recipients=600, timeout_ms=timeout_ms, honest_errors=honest, **more
    )


def _none_unknown(world: World, found) -> list[str]:
    unknown = sum(message[3] == "unknown" for message in found.messages.values())
    twice = sum(found.sent(number) > 1 for number in found.messages)
    return [f"{unknown} unknown and {twice} twice, where the gateway can tell"] if unknown or twice else []


SCENARIOS = [
    *(
        _scenario(f"gateway-{name}-{policy.replace('_', '-')}", *rest, policy)
        for name, *rest in FAULTS
        for policy in (AT_MOST_ONCE, AT_LEAST_ONCE)
    ),
    *(
        _scenario(
            f"gateway-{name}-deduplicating",
            f"{what}; it deduplicates",
            *rest,
            AT_MOST_ONCE,
            abilities=("deduplicates_for_seconds",),
            gateway_settings={"deduplicates": True},
            expects=_none_unknown,
        )
        for name, what, *rest in FAULTS
        if name in ("silent", "reset-after")
    ),
]
