"""`make test-mutations`: takes one guarding line away at a time, and shows that the fault suite sees it.

Each patch is applied to a copy of the last commit, the functions that it touches are built, and the one scenario that
guards the line runs against them. A mutation that its scenario does not see is a failure.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".local/mutations"
TREE = STATE / "tree"
LOCAL = ROOT / "target/lambda"
PATIENCE_SECONDS = "150"
# What says that the suite itself had trouble, not that a promise was broken.
TROUBLE = ("it did not come to an end",)


class Mutation(NamedTuple):
    patch: str
    """What is taken away."""
    without: str
    """The functions that change with it."""
    functions: tuple[str, ...]
    scenario: str

    @property
    def build(self) -> Path:
        return STATE / self.patch


MUTATIONS = [
    Mutation("lease", "the condition that a lease is free", ("send",), "pointers-twice-at-most-once"),
    Mutation("owner", "owner and window of a write", ("send",), "dynamodb-late-at-most-once"),
    Mutation("open-window", "the mark of the open window", ("send",), "send-during-window-at-most-once"),
    Mutation("cursor-order", "pointers before the cursor", ("dispatch",), "dispatch-after-cursor"),
    Mutation("receipt-rank", "the rank of receipts", ("receipts",), "receipts-overtaken"),
]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="mutations whose name begins so")
    chosen = [mutation for mutation in MUTATIONS if mutation.patch.startswith(parser.parse_args().only)]
    try:
        for mutation in chosen:
            _copy()
            _build(mutation)
    finally:
        _git("worktree", "remove", "--force", str(TREE), check=False)
    rows = [(mutation, _seen(mutation)) for mutation in chosen]
    _table(rows)
    return 0 if all(seen for _, seen in rows) else 1


def _copy() -> None:
    """The last commit, in a tree of its own; what was patched before is gone."""
    STATE.mkdir(parents=True, exist_ok=True)
    if not TREE.exists():
        _git("worktree", "prune")
        _git("worktree", "add", "--quiet", "--detach", str(TREE), "HEAD")
    subprocess.run(["git", "checkout", "--quiet", "--", "."], cwd=TREE, check=True)


def _build(mutation: Mutation) -> None:
    say(f"{mutation.patch}: without {mutation.without}")
    patch = ROOT / f"tests/mutations/{mutation.patch}.patch"
    subprocess.run(["git", "apply", str(patch)], cwd=TREE, check=True)
    shutil.rmtree(mutation.build, ignore_errors=True)
    shutil.copytree(LOCAL, mutation.build)
    packages = [word for function in mutation.functions for word in ("--package", function)]
    command = ["cargo", "lambda", "build", "--profile", "local", "--compiler", "cargo", *packages]
    # What doesn't change is compiled already.
    environment = os.environ | {"CARGO_TARGET_DIR": str(ROOT / "target")}
    subprocess.run([*command, "--lambda-dir", str(mutation.build)], cwd=TREE, env=environment, check=True)


def _seen(mutation: Mutation) -> list[str]:
    """What its scenario found wrong."""
    runner = [sys.executable, str(ROOT / "tests/faults/run.py"), "--build", str(mutation.build)]
    runner += ["--only", mutation.scenario, "--patience", PATIENCE_SECONDS, "--save", "mutation"]
    # A stack of its own, so that `make test-faults` can run beside it.
    environment = {"FAULTS_STATE": str(STATE / "stack"), "FAULTS_PORT": "4606", "FAULTS_DOOR": "8120"} | os.environ
    subprocess.run(runner, env=environment, check=False)
    rows = [json.loads(line) for line in (ROOT / ".local/mutation.json").read_text().splitlines()]
    return [sentence for row in rows for sentence in row["wrong"] if not sentence.startswith(TROUBLE)]


def _table(rows: list[tuple[Mutation, list[str]]]) -> None:
    print()
    for mutation, seen in rows:
        print(f"  without {mutation.without}: {mutation.scenario} {'fails' if seen else 'DID NOT SEE IT'}")
        for sentence in seen:
            print(f"      {sentence}")
    print(flush=True)


def _git(*words: str, check: bool = True) -> None:
    subprocess.run(["git", *words], cwd=ROOT, check=check)


def say(sentence: str) -> None:
    print(f"[mutations] {sentence}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
