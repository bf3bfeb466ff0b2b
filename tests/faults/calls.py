"""What a call is about, in the words of the design: a lease, the opening of a window, the cursor of a batch.

Recognised by what the call itself says: the service's operation, the table or queue, the values of its expressions.
"""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from http1 import Message

BATCH = re.compile(r"bat_[0-9a-z]{26}")
# A closed window is its version and number, and since when slots are in doubt.
CLOSED_WINDOW_BYTES = 8


@dataclass
class Call:
    """`kind` is empty for a call that nobody would want to break in particular."""

    kind: str
    """`DynamoDB UpdateItem ledger`, for those who break a share of all."""
    operation: str = ""
    batches: frozenset[str] = frozenset()
    chunk: int | None = None
    document: dict[str, Any] = field(default_factory=dict)
    """The scenario that a call to a gateway belongs to."""
    gateway: str = ""


def recognise(request: Message) -> Call:
    prefix, _, operation = request.header("x-amz-target").partition(".")
    match prefix:
        case "DynamoDB_20120810":
            return _dynamodb(operation, json.loads(request.body), request.body)
        case "AmazonSQS":
            return _sqs(operation, json.loads(request.body), request.body)
        case "TrentService":
            return Call("credentials", f"KMS {operation}", document=json.loads(request.body))
        case "":
            return _s3(request)
    return Call("", operation)


def _batches(text: str) -> frozenset[str]:
    return frozenset(BATCH.findall(text))


def _dynamodb(operation: str, document: dict[str, Any], body: bytes) -> Call:
    table = next((name for name in ("Ledger", "Core", "Contacts") if f'-{name}Table' in body.decode()), "").lower()
    key = document.get("Key") or document.get("Item") or {}
    batches = _batches(json.dumps(key) if key else body.decode())
    call = Call("", f"DynamoDB {operation} {table}", batches, _chunk(key), document)
    if table == "ledger":
        call.kind = _ledger(operation, document)
    elif table == "core":
        call.kind = _core(operation, document, body.decode())
    return call


def _ledger(operation: str, document: dict[str, Any]) -> str:
    values = document.get("ExpressionAttributeValues", {})
    sort = (document.get("Key") or document.get("Item") or {}).get("sk", {}).get("S", "")
    match operation:
        case "PutItem" if sort.startswith("ids#"):
            return "provider ids"
        case "PutItem" if sort.isdigit():
            return "chunk"
        case "UpdateItem" if ":leased" in values:
            return "lease"
        case "UpdateItem" if ":after" in values and ":done" in values:
            return "completion"
        case "UpdateItem" if ":after" in values and (":parked" in values or ":ready" in values):
            return "letting go"
        case "UpdateItem" if ":after" in values:
            opens = len(base64.b64decode(values[":after"]["B"])) > CLOSED_WINDOW_BYTES
            return "opening" if opens else "letting go"
        case "UpdateItem" if ":receipts" in values:
            return "receipts"
    return ""


def _core(operation: str, document: dict[str, Any], text: str) -> str:
    values = document.get("ExpressionAttributeValues", {})
    match operation:
        case "TransactWriteItems" | "PutItem" if '"terms"' in text:
            return "batch"
        case "UpdateItem" if ":cursor" in values:
            return "cursor"
        case "UpdateItem" if ":ready" in values and ":prepared" in values:
            return "ready"
        case "UpdateItem" if ":ready" in values and ":sweep" in values:
            return "begin"
    return ""


def _chunk(key: dict[str, Any]) -> int | None:
    sort = key.get("sk", {}).get("S", "")
    return int(sort) if sort.isdigit() and len(sort) == 8 else None


def _sqs(operation: str, document: dict[str, Any], body: bytes) -> Call:
    queue = document.get("QueueUrl", "").rpartition("/")[2].removeprefix("carillon-")
    call = Call("", f"SQS {operation} {queue}", _batches(body.decode()), None, document)
    if operation.startswith("SendMessage"):
        call.kind = "pointers" if queue.startswith("lane-") else f"to {queue}"
    return call


def _s3(request: Message) -> Call:
    path = unquote(request.path.partition("?")[0])
    call = Call("", f"S3 {request.method}", _batches(path))
    if request.method == "PUT" and "/recipients/" in path:
        call.kind = "manifest" if path.endswith("manifest.json") else "part"
    return call
