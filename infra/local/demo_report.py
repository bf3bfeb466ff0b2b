"""What the demo shows: one live line, a table at the end, and whether its numbers add up."""

import json
import sys
from pathlib import Path
from typing import Any

from demo_recipients import Recipients

ENDS = ["delivered", "undelivered", "failed", "expired", "suppressed", "cancelled", "unknown"]
NOT_SUBMITTED = ["scheduled", "queued", "held", "sending"]


class Progress:
    """One line that is redrawn on a terminal, and a line every few seconds elsewhere."""

    EVERY_SECONDS = 5

    def __init__(self) -> None:
        self._redraws = sys.stdout.isatty()
        self._last = -float(self.EVERY_SECONDS)

    def show(self, state: str, counts: dict[str, int], seconds: float) -> None:
        ended = sum(counts[end] for end in ENDS)
        line = (
            f"  {seconds:4.0f} s  {state:<10} {counts['submitted']:>7,} submitted"
            f" {ended:>7,} ended of {counts['accepted']:,} accepted"
        )
        if self._redraws:
            print(f"\r{line}\x1b[K", end="", flush=True)
        elif seconds - self._last >= self.EVERY_SECONDS:
            print(line, flush=True)
            self._last = seconds

    def end(self) -> None:
        if self._redraws:
            print()


def counts_of(report: dict[str, Any]) -> dict[str, int]:
    """The report in the demo's words: the totals of the file, the ends, and what is still on its way."""
    by_status = report["counts"]
    counts = {word: int(report.get(word) or 0) for word in ("uploaded", "rejected", "duplicates", "accepted")}
    counts |= {end: int(by_status.get(end, 0)) for end in ENDS}
    waiting = sum(int(by_status.get(status, 0)) for status in NOT_SUBMITTED)
    counts["in_flight"] = waiting + int(by_status.get("sent", 0))
    not_sent = waiting + counts["suppressed"] + counts["cancelled"]
    counts["submitted"] = int(report.get("submitted", counts["accepted"] - not_sent))
    return counts


def result(counts: dict[str, int], seconds: float, simulator: dict[str, Any]) -> dict[str, Any]:
    """`.local/demo.json`."""
    words = ["uploaded", "rejected", "duplicates", "accepted", "submitted", *ENDS, "in_flight"]
    return {word: counts[word] for word in words} | {
        "seconds": round(seconds, 1),
        "simulator": {word: simulator[word] for word in ("distinct_recipients", "duplicates")},
    }


def show(result: dict[str, Any]) -> None:
    rows = [
        ("uploaded", result["uploaded"], "rows of the CSV"),
        ("rejected", -result["rejected"], "with a reason and a line number"),
        ("duplicates", -result["duplicates"], "the first row won"),
        ("accepted", result["accepted"], "recipients"),
        None,
        *((end, result[end], "") for end in ENDS),
        ("in flight", result["in_flight"], ""),
        ("together", sum(result[end] for end in ENDS) + result["in_flight"], "as many as were accepted"),
        None,
        ("at the gateway", result["simulator"]["distinct_recipients"], "different numbers"),
        ("sent twice", result["simulator"]["duplicates"], ""),
    ]
    print()
    for row in rows:
        if row is None:
            print()
            continue
        name, value, remark = row
        print(f"  {name:<15}{value:>9,}   {remark}".rstrip())
    print(f"\n  {result['seconds']} s from start to the last receipt\n")


def wrong_with(
    result: dict[str, Any], expected: Recipients, summary: dict[str, Any], slots: list[dict[str, Any]]
) -> list[str]:
    """A sentence for each number that isn't what it must be; none when all add up."""
    told = [slot["status"] for slot in slots]
    together = sum(result[end] for end in ENDS) + result["in_flight"]
    equal = [
        ("rows uploaded", result["uploaded"], expected.uploaded),
        ("rows rejected", result["rejected"], expected.rejected),
        ("duplicate rows", result["duplicates"], expected.duplicates),
        ("recipients accepted", result["accepted"], expected.accepted),
        ("the ends and those in flight together", together, result["accepted"]),
        ("delivered, as the simulator told it,", result["delivered"], told.count("DELIVRD")),
        ("undelivered, as the simulator told it,", result["undelivered"], told.count("UNDELIV")),
        ("expired, as the simulator told it,", result["expired"], told.count("EXPIRED")),
        ("failed, as the simulator refused it,", result["failed"], summary["refused"]),
        ("sent twice", summary["duplicates"], 0),
    ]
    wrong = [f"{name}: {found:,} where {right:,} would be right." for name, found, right in equal if found != right]

    seen = {slot["to"] for slot in slots}
    if missing := len(expected.numbers - seen):
        wrong.append(f"{missing:,} accepted recipients never reached the simulator.")
    if strangers := len(seen - expected.numbers):
        wrong.append(f"{strangers:,} numbers reached the simulator that weren't accepted.")
    if repeated := sum(slot["requests"] != 1 for slot in slots):
        wrong.append(f"{repeated:,} recipients weren't submitted exactly once.")
    return wrong


def save(result: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(result, indent=2) + "\n")
