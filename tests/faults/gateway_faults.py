"""The gateway is slow, says no, says nothing, or hangs up; sometimes after it took the message."""

from rules import Answer, Delay, Deny, Drop, HalfClose, Moment, Silence
from scenario import AT_LEAST_ONCE, AT_MOST_ONCE, Doubt, Scenario, World

# Seconds.
LATE = 4
THROTTLED = Answer(429, b'{"status":"error","code":"THROTTLED"}', (("Retry-After", "1"),))
FAILED = Answer(500, b'{"status":"error","code":"INTERNAL"}')


def _at_sends(inject, wanted: int, share: float):
    def breaks(world: World) -> None:
        world.rule("gateway send", inject, wanted, share)

    return breaks


# name, words, what happens, how often, to which share. A 500 doesn't say whether the message was taken.
FAULTS = [
    ("slow", "gateway: answers after 4 s", Delay(LATE, Moment.AFTER), 100, 0.2),
    ("too-slow", "gateway: takes it, answers after the time-out", Delay(LATE, Moment.AFTER), 40, 0.1),
    ("429", "gateway: a storm of 429", THROTTLED, 400, 0.7),
    ("500", "gateway: 500, not taken", FAILED, 100, 0.2),
    ("500-taken", "gateway: 500, and taken", Deny(FAILED.status, FAILED.body), 40, 0.1),
    ("half-closed", "gateway: takes it, closes its half of the connection", HalfClose(), 40, 0.1),
    ("reset-before", "gateway: hangs up before it took it", Drop(Moment.BEFORE), 40, 0.1),
    ("reset-after", "gateway: takes it and hangs up", Drop(Moment.AFTER), 40, 0.1),
    ("silent", "gateway: takes it and never answers", Silence(), 40, 0.1),
]


def _scenario(name, what, inject, wanted, share, policy, **more) -> Scenario:
    timeout_ms = 1_500 if "too-slow" in name or "silent" in name else 10_000
    breaks = _at_sends(inject, wanted, share)
    answered = inject is THROTTLED or (isinstance(inject, Delay) and timeout_ms > LATE * 1_000)
    doubt = Doubt.NOWHERE if answered else Doubt.CALLS
    return Scenario(
        name, what, policy, breaks, recipients=600, timeout_ms=timeout_ms, doubt=doubt, **more
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
            f"gateway-{name}-{able}",
            f"{what}; it {words}",
            *rest,
            AT_MOST_ONCE,
            abilities=(ability,),
            gateway_settings={"deduplicates": ability == "deduplicates_for_seconds"},
            expects=_none_unknown,
        )
        for name, what, *rest in FAULTS
        if name in ("silent", "reset-after")
        for able, words, ability in (
            ("deduplicating", "deduplicates", "deduplicates_for_seconds"),
            ("asked", "can be asked", "inquiry"),
        )
    ),
]
