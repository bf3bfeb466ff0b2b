"""`make bench-reports`: what digests cost a message, and what a report of thirty days reads with them and without.

An hour of one-time passwords is written to tables of its own and counted; its digest is copied to the other hours.
Without digests an hour is read batch by batch: thirty days of that are computed from the one, since a report refuses
so many.
"""

import argparse
import os
import subprocess
from dataclasses import dataclass

from counting_proxy import CountingProxy
from show import say, table

DAYS = 30
HOURS = DAYS * 24


@dataclass
class Step:
    calls: int
    write_units: float
    read_units: float
    said: dict[str, str]


class Bench:
    def __init__(self, program: str, emulator: str):
        self.program = program
        self.proxy = CountingProxy(emulator)
        names = subprocess.run([program, "tables"], check=True, capture_output=True, text=True)
        self.names = names.stdout.split()

    def prepare(self, name: str, number: int = 0) -> None:
        """Not counted, and so not by the proxy."""
        subprocess.run([self.program, *self.names, name, str(number)], check=True, capture_output=True)

    def step(self, name: str, number: int = 0) -> Step:
        """`AWS_ENDPOINT_URL` leads it to the proxy."""
        self.proxy.take()
        environment = {**os.environ, "AWS_ENDPOINT_URL": self.proxy.url}
        command = [self.program, *self.names, name, str(number)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        taken = self.proxy.take().values()
        return Step(
            calls=sum(tally.calls for tally in taken),
            write_units=sum(tally.write_units + tally.index_write_units for tally in taken),
            read_units=sum(tally.read_units for tally in taken),
            said=dict(line.split(" ", 1) for line in done.stdout.splitlines()),
        )


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("--sends", type=int, default=1_250, help="in the hour")
    asked = arguments.parse_args()
    bench = Bench(asked.program, os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"))
    sends = asked.sends
    say(f"an hour of {sends} one-time passwords, {sends * 24} a day")
    bench.prepare("write", sends)
    open_hour = bench.step("report", 1)
    first = bench.step("digest")
    of_digest = bench.step("report", 1)
    bench.prepare("close")
    last = bench.step("digest")
    closed_bench = Bench(asked.program, bench.proxy.emulator)
    closed_bench.prepare("write", sends)
    closed_bench.prepare("close")
    closed_hour = closed_bench.step("report", 1)
    say(f"digests of {HOURS - 1} more hours")
    bench.prepare("copy", DAYS)
    month = bench.step("report", HOURS)
    table(
        ["step", "calls", "read units", "write units", "seconds", "a message"],
        [
            row("the hour is counted first, all open", first, sends),
            row("and when all is closed", last, sends),
            row("report of the hour, open, without a digest", open_hour, sends),
            row("closed, without a digest", closed_hour, sends),
            row("by its digest", of_digest, sends),
            row(f"report of {DAYS} days by digests", month, sends * HOURS),
        ],
    )
    say(f"a digest has {first.said['bytes']} bytes; the report told of {month.said['accepted']} messages")
    units, calls = closed_hour.read_units * HOURS, closed_hour.calls * HOURS
    say(f"computed of {DAYS} days without digests, all closed: {units:.0f} read units, {calls} calls")


def row(name: str, step: Step, messages: int) -> list[str]:
    units = f"{step.read_units / messages:.4f} r, {step.write_units / messages:.4f} w"
    return [name, str(step.calls), f"{step.read_units:.1f}", f"{step.write_units:.0f}", step.said["seconds"], units]


if __name__ == "__main__":
    main()
