"""The same counts as the local stack makes them: MiniStack polls, hands over at most 10 messages, and starts the functions.
All their calls go through one counting proxy, so that who called is not known: only calls and units are shown.
"""

import re
from collections import Counter
from typing import Any

from counting_proxy import CountingProxy
from scale import follow
from show import save, say, table
from world import EMULATOR, LOCAL, STACK, STATE, World, numbers, set_rules

POLLED = re.compile(r"ESM: Lambda (\S+) processed (\d+) SQS messages")


def deployed(recipients: int) -> int:
    proxy = CountingProxy(f"127.0.0.1:{EMULATOR}")
    try:
        with World(LOCAL, functions_endpoint=proxy.url) as world:
            set_rules({"receipts": ["DELIVRD"], "delay_ms": [500, 3000]})
            proxy.take()
            follow(world, world.campaign(numbers(recipients)))
            calls = proxy.take()
    finally:
        proxy.close()
    rows: list[list[str]] = []
    for call, tally in sorted(calls.items()):
        written = tally.write_units + tally.index_write_units
        row = [" ".join(call).strip(), tally.calls, written, tally.read_units]
        rows.append([row[0], *(f"{value / recipients:.5f}" for value in row[1:])])
    table(["call", "calls a message", "WRU a message", "RRU a message"], rows)
    invocations = invoked()
    for function, times in sorted(invocations.items()):
        say(f"{function}: {times:,} invocations by its queues")
    written = sum(tally.write_units + tally.index_write_units for tally in calls.values()) / recipients
    say(f"{written:.3f} write units a message at 10 receipts an invocation")
    result: dict[str, Any] = {"recipients": recipients, "write_units_per_message": written, "invocations": invocations}
    result["calls"] = {" ".join(call).strip(): vars(tally) for call, tally in calls.items()}
    save("bench-cost-deployed", result)
    return 0


def invoked() -> Counter[str]:
    """Invocations by event source, from the emulator's log."""
    log = (STATE / "ministack.log").read_text(errors="replace")
    return Counter(found.group(1).removeprefix(f"{STACK}-") for found in POLLED.finditer(log))
