"""`make test-soak`: twenty campaigns of mixed sizes from five accounts at once, while functions are killed at random.

Five minutes of kills, whoever is hit and whatever it is doing; then every batch must add up, slot by slot.
"""

import argparse
import random
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from arena import Arena
from run import save, say, table
from scenario import AT_LEAST_ONCE, AT_MOST_ONCE, Doubt, Scenario, World, begin, wait
from verdict import judge

SIZES = (50, 150, 400, 900)
SECONDS = 300
# A kill about this often; whoever holds the dispatcher's lock stays dead for a while.
PAUSE_SECONDS = (0.5, 2.5)
POLICIES = (AT_MOST_ONCE, AT_LEAST_ONCE, AT_MOST_ONCE, AT_LEAST_ONCE, AT_MOST_ONCE)


def _campaigns(world: World) -> None:
    for place, size in enumerate(SIZES):
        world.campaign(size, world.scenario.policy, "low" if place % 2 else "normal")


def _scenario(number: int, policy: str) -> Scenario:
    return Scenario(
        f"soak-{number}",
        "functions killed at random",
        policy,
        lambda world: None,
        _campaigns,
        parts_per_second=8,
        doubt=Doubt.CRASHES,
        patience_seconds=900,
    )


class Killer:
    """Ends processes of functions, chosen by the seed among those that live."""

    def __init__(self, arena: Arena, seed: int):
        self.killed: Counter[str] = Counter()
        self._callers, self._random = arena.proxy.callers, random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._random.uniform(*PAUSE_SECONDS)):
            alive: dict[str, list[int]] = {}
            for pid in self._callers.functions():
                alive.setdefault(self._callers.function(pid), []).append(pid)
            if not alive:
                continue
            function = self._random.choice(sorted(alive))
            if self._callers.kill(self._random.choice(sorted(alive[function]))):
                self.killed[function] += 1


def _row(world: World) -> dict[str, Any]:
    row = judge(world, wait(world))
    say(f"{world.scenario.name}: {'; '.join(row['wrong']) or 'every batch adds up'} ({row['seconds']} s)")
    return row


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    arguments = parser.parse_args()
    with Arena() as arena, ThreadPoolExecutor(len(POLICIES)) as pool:
        worlds = [begin(arena, _scenario(*each), arguments.seed) for each in enumerate(POLICIES, 1)]
        killer = Killer(arena, arguments.seed)
        began = time.monotonic()
        list(pool.map(_campaigns, worlds))
        time.sleep(max(0.0, arguments.seconds - (time.monotonic() - began)))
        killer.stop()
        say(f"{killer.killed.total()} kills: {dict(killer.killed)}")
        rows = list(pool.map(_row, worlds))
    for row in rows:
        row["injected"] = killer.killed.total()
    table(rows)
    return save("soak", rows)


if __name__ == "__main__":
    sys.exit(main())
