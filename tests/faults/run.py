"""`make test-faults`: breaks things on the deployed local stack, and shows that nothing was lost and nothing sent twice.

Prints a row for each scenario, and writes them to `.local/faults.json`. Fails when a promise was broken, or when a scenario
did not get to break what it wanted to.
"""

import argparse
import json
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import api_killed
import database
import gateway_faults
import pointers
import prepare_killed
import receipt_faults
import send_killed
from arena import LOCAL, Arena
from local import ROOT
from scenario import Scenario, begin, wait
from verdict import judge

PARTS = (send_killed, prepare_killed, pointers, receipt_faults, database, gateway_faults, api_killed)
SCENARIOS = [scenario for part in PARTS for scenario in part.SCENARIOS]
AT_ONCE = 8
COLUMNS = ("scenario", "policy", "seed", "injected", "accepted", "sent_once", "sent_twice", "lost", "unknown", "resent")
COLUMNS += ("seconds",)


def run(arena: Arena, scenario: Scenario, seed: int) -> dict[str, Any]:
    world = None
    try:
        world = begin(arena, scenario, seed)
        scenario.drive(world)
        row = judge(world, wait(world))
    except Exception as error:
        traceback.print_exc()
        row = dict.fromkeys(COLUMNS, 0) | {"scenario": scenario.name, "policy": scenario.policy, "seed": seed}
        row |= {"what": scenario.what, "wrong": [f"it did not come to an end: {error}"]}
    finally:
        if world:
            world.over.set()
            arena.proxy.remove(*world.rules)
    say(f"{scenario.name}: {'; '.join(row['wrong']) or 'as promised'} ({row['seconds']} s)")
    return row


def table(rows: list[dict[str, Any]]) -> None:
    lines = [list(COLUMNS), *([str(row[name]) for name in COLUMNS] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    print()
    for line in lines:
        cells = [cell.ljust(width) if place < 2 else cell.rjust(width) for place, (cell, width) in enumerate(zip(line, widths))]
        print("  " + "  ".join(cells).rstrip())
    print(flush=True)


def say(sentence: str) -> None:
    print(f"[faults] {sentence}", flush=True)


def save(name: str, rows: list[dict[str, Any]]) -> int:
    """As JSON, one row a line. The exit code: 1 when something was not as promised."""
    path = ROOT / f".local/{name}.json"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    wrong = [f"{row['scenario']}: {sentence}" for row in rows for sentence in row["wrong"]]
    for sentence in wrong:
        print(f"wrong: {sentence}", file=sys.stderr)
    say(f"{len(rows)} rows, {len(wrong)} wrong; {path.relative_to(ROOT)}")
    return 1 if wrong or not rows else 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="scenarios whose name begins so; several with commas")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--build", type=Path, default=LOCAL, help="the functions, as `make build` leaves them")
    parser.add_argument("--patience", type=int, help="seconds until what has not ended is lost")
    parser.add_argument("--save", default="faults", help="the name of the file with the rows")
    arguments = parser.parse_args()
    beginnings = tuple(arguments.only.split(","))
    chosen = [scenario for scenario in SCENARIOS if scenario.name.startswith(beginnings)]
    if arguments.patience:
        chosen = [replace(scenario, patience_seconds=arguments.patience) for scenario in chosen]
    with Arena(arguments.build) as arena, ThreadPoolExecutor(AT_ONCE) as pool:
        rows = list(pool.map(lambda scenario: run(arena, scenario, arguments.seed), chosen))
    table(rows)
    return save(arguments.save, rows)


if __name__ == "__main__":
    sys.exit(main())
