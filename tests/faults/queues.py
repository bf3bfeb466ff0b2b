"""Answers of SQS to messages that it did not take."""

import hashlib
import json
import uuid
from copy import copy
from typing import Any

import http1
from calls import Call
from http1 import Connection, Message


def swallowed(call: Call) -> Message:
    """As if every message were on the queue."""
    entries = call.document.get("Entries")
    if entries is None:
        return _answer(_taken(call.document))
    return _answer({"Successful": [{"Id": entry["Id"]} | _taken(entry) for entry in entries], "Failed": []})


async def partly(request: Message, call: Call, refused: int, connection: Connection) -> Message:
    """All but the first `refused` entries of a batch call come through."""
    entries = call.document.get("Entries", [])
    kept = call.document | {"Entries": entries[refused:]}
    result: dict[str, Any] = {"Successful": [], "Failed": []}
    if kept["Entries"]:
        fewer = copy(request)
        fewer.body = json.dumps(kept).encode()
        result |= json.loads((await connection.call(fewer)).body)
    result["Failed"] = [
        {"Id": entry["Id"], "SenderFault": False, "Code": "InternalError", "Message": "injected"}
        for entry in entries[:refused]
    ]
    return _answer(result)


def _taken(entry: dict[str, Any]) -> dict[str, str]:
    body = entry["MessageBody"].encode()
    return {"MessageId": str(uuid.uuid4()), "MD5OfMessageBody": hashlib.md5(body).hexdigest()}


def _answer(document: dict[str, Any]) -> Message:
    return http1.answer(200, json.dumps(document).encode())
