"""From what was counted to what it costs: list prices of us-east-1 (July 2026), and the assumptions beside them.

Counted: calls, units, invocations, CPU, bytes of logs. Assumed, since an emulator can't show it: how long calls take in
AWS, what leaves for the gateway, how much X-Ray samples, how fast the gateway takes messages.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from counting_proxy import Call, Tally

MILLION = 1_000_000
GB = 1024**3

# USD
SQS_REQUEST = 0.40 / MILLION
WRITE_UNIT = 0.625 / MILLION
READ_UNIT = 0.125 / MILLION
S3_WRITE = 5.00 / MILLION
S3_READ = 0.40 / MILLION
LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = 13.3334 / MILLION
LOG_GB = 0.50
EGRESS_GB = 0.09
XRAY_TRACE = 5.00 / MILLION

# Assumed
GATEWAY_SECONDS = 0.150
AWS_CALL_SECONDS = 0.005
EGRESS_BYTES_A_MESSAGE = 600
XRAY_SHARE = 0.05
MESSAGES_A_SECOND = 1_000
CAMPAIGN = 10_000_000
RECOUNT_SECONDS = 60
PARTITIONS = 16
READ_UNIT_BYTES = 4_096
POLLED_TOGETHER = 10
# Megabytes that bring a whole core.
CORE_MEGABYTES = 1_769

# Once an environment or every five minutes, however many messages: shown, not priced.
PER_ENVIRONMENT = ("kms", "secretsmanager")


@dataclass
class Observed:
    """Of one function."""

    memory_megabytes: int
    calls: dict[Call, Tally] = field(default_factory=dict)
    invocations: int = 0
    """Messages that its event source took from a queue."""
    polled: int = 0
    cpu_seconds: float = 0
    """What invocations wait for, one after the other: calls to AWS and calls to the gateway."""
    waits_for_aws: float = 0
    waits_for_gateway: float = 0
    log_bytes: int = 0
    """How long it ran: the dispatcher costs by the second."""
    seconds: float = 0
    traced: bool = True


@dataclass(frozen=True)
class Line:
    function: str
    what: str
    per_message: float
    unit: str
    usd_per_million: float


def lines(function: str, seen: Observed, messages: int) -> Iterator[Line]:
    for call, tally in sorted(seen.calls.items()):
        if call.service not in PER_ENVIRONMENT:
            yield from _of_call(function, call, tally, messages)
    if seen.polled:
        polls = -(-seen.polled // POLLED_TOGETHER)
        yield _line(function, "sqs, its poller: receive, delete", 2 * polls, "requests", SQS_REQUEST, messages)
    yield _line(function, "lambda, invocations", seen.invocations, "requests", LAMBDA_REQUEST, messages)
    yield _line(function, "lambda, time", gigabyte_seconds(seen), "GB-s", LAMBDA_GB_SECOND, messages)
    if seen.traced:
        yield _line(function, "x-ray, sampled", XRAY_SHARE * seen.invocations, "traces", XRAY_TRACE, messages)
    yield _line(function, "logs", seen.log_bytes / GB, "GB", LOG_GB, messages)


def gigabyte_seconds(seen: Observed) -> float:
    """Less memory brings less of a core, so the same CPU takes longer."""
    cpu = seen.cpu_seconds * max(1.0, CORE_MEGABYTES / seen.memory_megabytes)
    waits = seen.waits_for_aws * AWS_CALL_SECONDS + seen.waits_for_gateway * GATEWAY_SECONDS
    return (cpu + waits) * seen.memory_megabytes / 1024


def egress(messages: int) -> Line:
    """What the gateway is sent."""
    return _line("send", "egress", EGRESS_BYTES_A_MESSAGE * messages / GB, "GB", EGRESS_GB, messages)


def dispatcher(seen: Observed, chunks: int, messages: int) -> Iterator[Line]:
    """It costs by the second, and by the chunk for each recount, so its counts are carried over to a campaign of ten
    million at the assumed rate: a recount each minute instead of every two seconds.
    """
    lasts = CAMPAIGN / MESSAGES_A_SECOND
    ratio = lasts / max(seen.seconds, 1)
    for call, tally in sorted(seen.calls.items()):
        if call.service in PER_ENVIRONMENT:
            continue
        if call.service == "sqs":
            yield from _of_call("dispatch", call, tally, messages)
        elif call == Call("dynamodb", "Query", "ledger"):
            # A query for each partition of the batch.
            recounts = tally.calls / PARTITIONS
            # A partition of the large one has thousands of chunks, so rounding up is nothing: strong reads, by bytes.
            a_chunk = tally.read_bytes / max(1.0, recounts * chunks) / READ_UNIT_BYTES
            units = a_chunk * (CAMPAIGN / 100) * (lasts / RECOUNT_SECONDS)
            yield _line("dispatch", "dynamodb Query ledger (recounts)", units, "RRU", READ_UNIT, CAMPAIGN)
        else:
            for line in _of_call("dispatch", call, tally, 1):
                a_million = line.usd_per_million / MILLION * ratio / CAMPAIGN * MILLION
                yield Line("dispatch", line.what, line.per_message * ratio / CAMPAIGN, line.unit, a_million)
    gigabytes = seen.memory_megabytes / 1024
    yield _line("dispatch", "lambda, time", lasts * gigabytes, "GB-s", LAMBDA_GB_SECOND, CAMPAIGN)
    yield _line("dispatch", "lambda, invocations", lasts / 60, "requests", LAMBDA_REQUEST, CAMPAIGN)


def _of_call(function: str, call: Call, tally: Tally, messages: int) -> Iterator[Line]:
    what = " ".join(call).strip()
    match call.service:
        case "dynamodb":
            if tally.write_units:
                yield _line(function, what, tally.write_units, "WRU", WRITE_UNIT, messages)
            if tally.index_write_units:
                yield _line(function, f"{what}, its index", tally.index_write_units, "WRU", WRITE_UNIT, messages)
            if tally.read_units:
                yield _line(function, what, tally.read_units, "RRU", READ_UNIT, messages)
        case "sqs":
            yield _line(function, what, tally.requests, "requests", SQS_REQUEST, messages)
        case "s3":
            price = S3_READ if call.operation in ("GET", "HEAD") else S3_WRITE
            yield _line(function, what, tally.calls, "requests", price, messages)


def _line(function: str, what: str, quantity: float, unit: str, price: float, messages: int) -> Line:
    return Line(function, what, quantity / messages, unit, quantity * price / messages * MILLION)


def write_units(all_lines: list[Line]) -> float:
    """For a message."""
    return sum(line.per_message for line in all_lines if line.unit == "WRU")


def distinct_chunks(together: int, spread_seconds: float) -> float:
    """Of how many chunks the reports of one invocation are, when they come evenly within a time after sending."""
    chunks = max(1.0, MESSAGES_A_SECOND * spread_seconds / 100)
    return chunks * (1 - (1 - 1 / chunks) ** together)
