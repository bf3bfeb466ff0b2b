"""`make bench-cost`: what a campaign costs at AWS list prices, by counted calls.

Twice: through the functions' binaries at the template's batch sizes, next to the goals; and with `--deployed` as the
local stack runs them, where the emulator hands over at most 10 messages at a time.
"""

import argparse
import sys
from dataclasses import asdict

import bill
from bill import Line, Observed
from deployed import deployed
from drive import Drive
from show import save, say, table
from world import DrivenWorld

USD_GOAL, WRITE_UNITS_GOAL = 1.00, 0.25
ORDER = ("prepare", "dispatch", "send", "webhook", "receipts")


def bill_of(seen: dict[str, Observed], recipients: int) -> list[Line]:
    found = []
    for name in ORDER:
        if name == "dispatch":
            found += bill.dispatcher(seen[name], -(-recipients // 100), recipients)
        else:
            found += bill.lines(name, seen[name], recipients)
        if name == "send":
            found.append(bill.egress(recipients))
    return found


def quantity(of_a_message: float) -> str:
    return f"{of_a_message:.5f}" if of_a_message >= 0.0001 else f"{of_a_message:.1e}"


def show(found: list[Line]) -> None:
    head = ["function", "call", "a message", "unit", "USD a million"]
    rows = []
    for name in ORDER:
        of_it = [line for line in found if line.function == name]
        for line in of_it:
            rows.append([name, line.what, quantity(line.per_message), line.unit, f"{line.usd_per_million:.4f}"])
        rows.append([name, "together", "", "", f"{sum(line.usd_per_million for line in of_it):.4f}"])
    table(head, rows)


def conclude(found: list[Line], batch: int) -> dict[str, float]:
    usd, written = sum(line.usd_per_million for line in found), bill.write_units(found)
    table(
        ["a campaign message, receipts included", "found", "goal"],
        [
            ["USD a million at list price", f"{usd:.3f}", f"<= {USD_GOAL:.2f}"],
            ["DynamoDB write units", f"{written:.3f}", f"<= {WRITE_UNITS_GOAL:.2f}"],
        ],
    )
    say("counted: calls, units, invocations, CPU (a core here taken for a core there), bytes of logs")
    aws, gateway = bill.AWS_CALL_SECONDS * 1000, bill.GATEWAY_SECONDS * 1000
    say(f"assumed: {aws:.0f} ms a call to AWS, {gateway:.0f} ms a call to the gateway")
    say(f"assumed: {bill.EGRESS_BYTES_A_MESSAGE} bytes a message to the gateway, {bill.XRAY_SHARE:.0%} of calls traced")
    say(f"assumed: a poller takes {bill.POLLED_TOGETHER} messages a call; {bill.MESSAGES_A_SECOND:,} messages a second leave")
    say("left out: storage, idle polling, the SMS; keys and secrets that are read once an environment")
    receipts = sum(line.per_message for line in found if line.function == "receipts" and line.unit == "WRU")
    for seconds in (3, 30, 300):
        share = bill.distinct_chunks(batch, seconds) / batch
        say(f"receipts spread over {seconds} s: {written - receipts + share:.3f} write units a message (computed)")
    return {"usd_per_million": usd, "write_units_per_message": written}


def counts(seen: dict[str, Observed], recipients: int) -> None:
    rows = []
    for name, one in seen.items():
        for call, tally in sorted(one.calls.items()):
            written = tally.write_units + tally.index_write_units
            rows.append(
                [name, " ".join(call).strip(), f"{tally.calls / recipients:.5f}", f"{written / recipients:.5f}"]
                + [f"{tally.read_units / recipients:.5f}", str(tally.failed)]
            )
    table(["function", "call", "calls a message", "WRU a message", "RRU a message", "not 2xx"], rows)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--recipients", type=int, default=5_000)
    parser.add_argument("--deployed", action="store_true", help="as the local stack runs them")
    arguments = parser.parse_args()
    if arguments.deployed:
        return deployed(arguments.recipients)
    with DrivenWorld() as world:
        seen = Drive(world, arguments.recipients).run()
        batch = world.batch_sizes["receipts"]
    counts(seen, arguments.recipients)
    found = bill_of(seen, arguments.recipients)
    show(found)
    ends = conclude(found, batch)
    save("bench-cost", ends | {"recipients": arguments.recipients, "lines": [asdict(line) for line in found]})
    return 0


if __name__ == "__main__":
    sys.exit(main())
