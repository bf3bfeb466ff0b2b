"""HTTP/1.1 on asyncio streams, as much of it as a proxy needs: a head, a body of known length or in chunks."""

import asyncio
from dataclasses import dataclass, field

Headers = list[tuple[str, str]]
HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "expect"}


@dataclass
class Message:
    """A request or an answer; `start` is its first line, in words."""

    start: list[str]
    headers: Headers
    body: bytes = b""

    def header(self, name: str) -> str:
        return next((value for known, value in self.headers if known.lower() == name), "")

    @property
    def method(self) -> str:
        return self.start[0]

    @property
    def path(self) -> str:
        return self.start[1]

    @property
    def status(self) -> int:
        return int(self.start[1])

    def to_bytes(self) -> bytes:
        kept = [f"{name}: {value}" for name, value in self.headers if name.lower() not in HOP_BY_HOP]
        head = [" ".join(self.start), *kept, f"Content-Length: {len(self.body)}"]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + self.body


def answer(status: int, body: bytes, headers: Headers | None = None) -> Message:
    known = [("Content-Type", "application/x-amz-json-1.0"), *(headers or [])]
    return Message(["HTTP/1.1", str(status), "Injected"], known, body)


async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Message | None:
    """The next request; None at the end of the connection."""
    try:
        message = _head(await reader.readuntil(b"\r\n\r\n"))
    except asyncio.IncompleteReadError:
        return None
    if message.header("expect"):
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    message.body = await _body(reader, message, b"")
    return message


async def read_answer(reader: asyncio.StreamReader, method: str) -> Message:
    message = _head(await reader.readuntil(b"\r\n\r\n"))
    while message.status < 200:
        message = _head(await reader.readuntil(b"\r\n\r\n"))
    if method != "HEAD" and message.status not in (204, 304):
        message.body = await _body(reader, message, None)
    return message


def _head(raw: bytes) -> Message:
    first, *rest = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in rest)]
    return Message(first.split(" ", 2), headers)


async def _body(reader: asyncio.StreamReader, message: Message, otherwise: bytes | None) -> bytes:
    """Without a length a request has no body, and an answer ends with its connection."""
    if "chunked" in message.header("transfer-encoding").lower():
        return await _chunks(reader)
    if length := message.header("content-length"):
        return await reader.readexactly(int(length))
    return await reader.read() if otherwise is None else otherwise


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    while (await reader.readline()).strip():
        pass
    return b"".join(parts)


@dataclass
class Connection:
    """To whom calls are passed on. Opened with the first call."""

    host: str
    port: int
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None)

    async def call(self, request: Message) -> Message:
        if self.streams is None:
            self.streams = await asyncio.open_connection(self.host, self.port, limit=1 << 20)
        reader, writer = self.streams
        try:
            writer.write(request.to_bytes())
            await writer.drain()
            answer = await read_answer(reader, request.method)
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            raise
        if answer.header("connection").lower() == "close":
            self.close()
        return answer

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None
