"""What a benchmark found, as a table on the terminal and as JSON in `.local/`."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def say(sentence: str) -> None:
    print(f"[bench] {sentence}", flush=True)


def table(head: list[str], rows: list[list[str]]) -> None:
    """The first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    print()
    for row in [head, ["-" * width for width in widths], *rows]:
        first, *others = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        print("  " + "  ".join(cells).rstrip())
    print(flush=True)


def save(name: str, result: Any) -> None:
    path = ROOT / ".local" / f"{name}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    say(f"the same as JSON: {path.relative_to(ROOT)}")
