"""A proxy in front of the emulator that counts what AWS would bill: calls, DynamoDB units, SQS requests, bytes.

Requests pass unchanged. Around each write to DynamoDB the items are read from the emulator itself, so that their sizes before
and after are known; these reads aren't counted. While `counting` is off, requests only pass.
"""

import http.client
import json
import ssl
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import dynamodb_units as units
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from dynamodb_units import Item
from runtime_api import read_body

HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}
SQS_REQUEST = 64 * 1024
SERVICES = {
    "DynamoDB_20120810": "dynamodb",
    "AmazonSQS": "sqs",
    "TrentService": "kms",
    "secretsmanager": "secretsmanager",
}
TABLES = ("Ledger", "Core", "Contacts")
ROOT = Credentials("test", "test")
"""Of the emulator."""
MOST_READ = 100
"""Items of one BatchGetItem."""
IDLE_SECONDS = 20
"""The emulator closes a connection that was idle for longer, at some time."""


class Call(NamedTuple):
    """What is counted together."""

    service: str
    operation: str
    """A table, a queue, a prefix of the bucket; empty where it says nothing."""
    on: str


@dataclass
class Tally:
    calls: int = 0
    """As billed: SQS bills each 64 KB of a call."""
    requests: int = 0
    write_units: float = 0
    index_write_units: float = 0
    read_units: float = 0
    """Of the items that were read, by DynamoDB's rules."""
    read_bytes: int = 0
    failed: int = 0


class CountingProxy:
    """With `tls`, a certificate and its key, it speaks TLS to its callers."""

    def __init__(self, emulator: str, port: int = 0, tls: tuple[Path, Path] | None = None):
        self.emulator = emulator
        self.counting = True
        self._mutex = threading.Lock()
        self._tallies: dict[Call, Tally] = defaultdict(Tally)
        # From each request to its whole answer, by the monotonic clock.
        self._spans: list[tuple[float, float]] = []
        self._items: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._server = _Server(("127.0.0.1", port), _handler(self))
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            # The handshake is the connection's own thread's business.
            wrapped = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
            self._server.socket = wrapped
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self) -> dict[Call, Tally]:
        """What was counted since the last time."""
        with self._mutex:
            taken, self._tallies = self._tallies, defaultdict(Tally)
        return dict(taken)

    def waited(self) -> float:
        """Seconds since the last time in which at least one call was under way."""
        with self._mutex:
            spans, self._spans = sorted(self._spans), []
        seconds, reached = 0.0, 0.0
        for began, ended in spans:
            seconds += max(0.0, ended - max(began, reached))
            reached = max(reached, ended)
        return seconds

    def count(self, call: Call, tally: Tally) -> None:
        with self._mutex:
            total = self._tallies[call]
            for name, value in vars(tally).items():
                setattr(total, name, getattr(total, name) + value)

    def pass_on(self, emulator: "_Emulator", method: str, path: str, headers: Any, body: bytes):
        if not self.counting:
            return emulator.forward(method, path, headers, body)
        target = headers.get("x-amz-target", "")
        prefix, _, operation = target.partition(".")
        service = SERVICES.get(prefix)
        document = json.loads(body) if service else {}
        keys = list(_written(operation, document)) if service == "dynamodb" else []
        with ExitStack() as held:
            for lock in self._locks(keys):
                held.enter_context(lock)
            before = emulator.items(keys)
            began = time.monotonic()
            answer, content = emulator.forward(method, path, headers, body)
            ended = time.monotonic()
            after = emulator.items(keys)
        tally = Tally(calls=1, requests=1, failed=int(answer.status >= 400))
        match service:
            case "dynamodb":
                call = Call(service, operation, _table(document))
                twice = 2 if operation.startswith("Transact") else 1
                for old, new in zip(before, after, strict=True):
                    table, indexes = units.write_units(old, new)
                    tally.write_units += twice * table
                    tally.index_write_units += twice * indexes
                if answer.status < 400:
                    tally.read_units, tally.read_bytes = _read(operation, document, content)
            case "sqs":
                call = Call(service, operation, document.get("QueueUrl", "").rpartition("/")[2])
                tally.requests = units.units(len(body), SQS_REQUEST)
            case None:
                call = _without_target(method, path)
            case _:
                call = Call(service, operation, "")
        self.count(call, tally)
        with self._mutex:
            self._spans.append((began, ended))
        return answer, content

    def _locks(self, keys: list[tuple[str, Item]]) -> list[threading.Lock]:
        """In one order, so that two calls never wait for each other."""
        names = sorted({json.dumps(key, sort_keys=True) for key in keys})
        with self._mutex:
            return [self._items[name] for name in names]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # All environments of all functions may call at once.
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers hang up when their environment ends."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Emulator:
    """One connection to it."""

    def __init__(self, address: str):
        self._address = address
        self._connection = http.client.HTTPConnection(address, timeout=120)
        self._used = time.monotonic()

    def close(self) -> None:
        self._connection.close()

    def forward(self, method: str, path: str, headers: Any, body: bytes):
        connection = self._fresh()
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            if name.lower() not in HOP_BY_HOP:
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer, answer.read()

    def items(self, keys: list[tuple[str, Item]]) -> list[Item | None]:
        """As they are now, in the order of their keys."""
        found: dict[str, Item] = {}
        for start in range(0, len(keys), MOST_READ):
            wanted: dict[str, Any] = {}
            for table, key in keys[start : start + MOST_READ]:
                wanted.setdefault(table, {"Keys": [], "ConsistentRead": True})["Keys"].append(key)
            while wanted:
                answer = self._ask("DynamoDB_20120810.BatchGetItem", {"RequestItems": wanted})
                for table, items in answer["Responses"].items():
                    found |= {json.dumps([table, _key(item)]): item for item in items}
                wanted = answer.get("UnprocessedKeys", {})
        return [found.get(json.dumps([table, _key(key)])) for table, key in keys]

    def _ask(self, target: str, document: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(document).encode()
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
        connection = self._fresh()
        request = AWSRequest("POST", f"http://{self._address}/", headers, body)
        SigV4Auth(ROOT, "dynamodb", "us-east-1").add_auth(request)
        connection.request("POST", "/", body, dict(request.headers))
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{target} is answered with {answer.status}: {content[:300]!r}")
        return json.loads(content)

    def _fresh(self) -> http.client.HTTPConnection:
        now = time.monotonic()
        if now - self._used > IDLE_SECONDS:
            self._connection.close()
        self._used = now
        return self._connection


def _written(operation: str, document: dict[str, Any]) -> Iterator[tuple[str, Item]]:
    """Table and key of each item that a call would write, or only look at in its transaction."""
    match operation:
        case "PutItem":
            yield document["TableName"], _key(document["Item"])
        case "UpdateItem" | "DeleteItem":
            yield document["TableName"], document["Key"]
        case "TransactWriteItems":
            for action in document["TransactItems"]:
                (kind, part), *_ = action.items()
                yield part["TableName"], _key(part["Item"]) if kind == "Put" else part["Key"]
        case "BatchWriteItem":
            for table, requests in document["RequestItems"].items():
                for request in requests:
                    (kind, part), *_ = request.items()
                    yield table, _key(part["Item"]) if kind == "PutRequest" else part["Key"]


def _key(item: Item) -> Item:
    return {name: item[name] for name in ("pk", "sk")}


def _read(operation: str, document: dict[str, Any], content: bytes) -> tuple[float, int]:
    """Units and bytes."""
    consistent = document.get("ConsistentRead", False)
    match operation:
        case "GetItem":
            sizes = [units.item_bytes(json.loads(content).get("Item") or {})]
        case "Query":
            # Rounded up for all items of a page together.
            sizes = [sum(map(units.item_bytes, json.loads(content).get("Items", [])))]
        case "BatchGetItem":
            tables = json.loads(content)["Responses"]
            consistent = any(part.get("ConsistentRead", False) for part in document["RequestItems"].values())
            sizes = [units.item_bytes(item) for items in tables.values() for item in items]
        case _:
            return 0, 0
    return sum(units.read_units(size, consistent) for size in sizes), sum(sizes)


def _table(document: dict[str, Any]) -> str:
    """The short name of the table, and of the index where one is read."""
    names = json.dumps([document.get("TableName"), document.get("RequestItems"), document.get("TransactItems")])
    table = next((table.lower() for table in TABLES if f"-{table}Table" in names), "")
    return f"{table}/{document['IndexName']}" if "IndexName" in document else table


def _without_target(method: str, path: str) -> Call:
    """S3 by path style, and what speaks REST."""
    first, *rest = path.partition("?")[0].strip("/").split("/")
    if first == "schedules":
        return Call("scheduler", method, "")
    return Call("s3", method, f"{rest[0]}/" if rest else "")


def _handler(proxy: CountingProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            self.emulator = _Emulator(proxy.emulator)

        def finish(self) -> None:
            self.emulator.close()
            super().finish()

        def forward(self) -> None:
            body = read_body(self)
            answer, content = proxy.pass_on(self.emulator, self.command, self.path, self.headers, body)
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *values: object) -> None:
            """Silent."""

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = forward

    return Handler
