"""`make bench-control`: how long after its answer does a pause or a cancel act, and a resume?

Campaigns through the deployed local stack; what counts is the last request at the simulator after the answer to a pause or a
cancel, and the first one after the answer to a resume. Fails when something was sent later than five seconds after it was stopped.
"""

import argparse
import sys
import time

from show import save, say, table
from world import LOCAL, World, numbers, set_rules, simulator

ACTS_WITHIN_SECONDS = 5
PATIENCE_SECONDS = 120
# Longer than anything that was under way may take.
QUIET_SECONDS = 12


def wait_for(requests: int) -> None:
    for _ in range(PATIENCE_SECONDS * 10):
        if simulator.summary()["requests"] >= requests:
            return
        time.sleep(0.1)
    raise SystemExit(f"fewer than {requests} requests reached the simulator in {PATIENCE_SECONDS} s")


def act(world: World, campaign: str, what: str) -> float:
    """When it was answered."""
    world.api.post(f"/v1/campaigns/{campaign}/{what}", {})
    return time.time()


def stopped(world: World, campaign: str, what: str) -> float:
    """Seconds from the answer to the last request."""
    answered = act(world, campaign, what)
    time.sleep(QUIET_SECONDS)
    return max(0.0, simulator.arrivals()[-1]["ms"] / 1000 - answered)


def resumed(world: World, campaign: str) -> float:
    """Seconds from the answer to the next request."""
    before = len(simulator.arrivals())
    answered = act(world, campaign, "resume")
    wait_for(before + 1)
    return max(0.0, simulator.arrivals()[before]["ms"] / 1000 - answered)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--recipients", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    found: dict[str, list[float]] = {"pause": [], "resume": [], "cancel": []}
    with World(LOCAL) as world:
        for number in range(arguments.rounds):
            simulator.reset()
            set_rules({"receipts": [], "latency_ms": [50, 150]})
            campaign = world.campaign(numbers(arguments.recipients))
            wait_for(300)
            found["pause"].append(stopped(world, campaign, "pause"))
            found["resume"].append(resumed(world, campaign))
            wait_for(len(simulator.arrivals()) + 300)
            found["cancel"].append(stopped(world, campaign, "cancel"))
            sent = simulator.summary()["requests"]
            if sent >= arguments.recipients:
                raise SystemExit("the campaign was over before it was cancelled; take more --recipients")
            say(f"round {number + 1}: " + ", ".join(f"{what} {times[-1]:.2f} s" for what, times in found.items()))
    rows = [[what, f"{min(times):.2f}", f"{max(times):.2f}"] for what, times in found.items()]
    table(["seconds after the answer", "best", "worst"], rows)
    save("bench-control", {what: [round(value, 3) for value in times] for what, times in found.items()})
    late = [what for what in ("pause", "cancel") if max(found[what]) > ACTS_WITHIN_SECONDS]
    for what in late:
        print(f"wrong: something was sent over {ACTS_WITHIN_SECONDS} s after a {what}", file=sys.stderr)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
