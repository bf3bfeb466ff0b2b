"""The fault proxy: stands between the functions and the emulator, and between the functions and their gateways.

It passes everything on unchanged, but for what its rules say. One thread with an event loop of its own; rules are added by
others, and counted here.
"""

import asyncio
import threading
from collections.abc import Callable

import http1
import queues
from callers import Callers
from calls import Call, recognise
from cursors import Cursors
from doubles import Doubles
from http1 import Connection, Message
from rules import Answer, Delay, Deny, Drop, HalfClose, Kill, Meet, Moment, Refuse, Repeat, Rule, Silence, Swallow
from windows import Windows


class HungUp(Exception):
    """The caller gets no answer."""


class Proxy:
    """`aws` and `gateways` are ports: functions find AWS at one, gateways (`/<scenario>/…`) at the other."""

    def __init__(self, emulator_port: int, aws: int, gateways: int):
        self.emulator_port, self.aws, self.gateways = emulator_port, aws, gateways
        self.callers: Callers | None = None
        self.windows, self.cursors, self.doubles = Windows(), Cursors(), Doubles()
        """By scenario: where its gateway is."""
        self.simulators: dict[str, int] = {}
        """By batch, as it was made."""
        self.accounts: dict[str, str] = {}
        self._rules: list[Rule] = []
        self._loop = asyncio.new_event_loop()
        # A loop forgets the tasks that nobody else holds.
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()
        if not self._ready.wait(10):
            raise SystemExit(f"the fault proxy can't listen on ports {aws} and {gateways}")

    def add(self, *rules: Rule) -> None:
        self._rules = [*self._rules, *rules]

    def remove(self, *rules: Rule) -> None:
        self._rules = [rule for rule in self._rules if rule not in rules]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        for port, to in ((self.aws, self._to_emulator), (self.gateways, self._to_gateway)):
            self._loop.run_until_complete(
                asyncio.start_server(self._serve(to), "127.0.0.1", port, limit=1 << 20, backlog=1024)
            )
        self._ready.set()
        self._loop.run_forever()

    def _to_emulator(self, request: Message) -> tuple[Call, int]:
        return recognise(request), self.emulator_port

    def _to_gateway(self, request: Message) -> tuple[Call, int]:
        _, scenario, rest = request.path.split("/", 2)
        request.start[1] = f"/{rest}"
        kind = "gateway send" if rest.startswith("send") else "gateway inquiry"
        return Call(kind, kind, gateway=scenario), self.simulators[scenario]

    def _serve(self, to: Callable[[Message], tuple[Call, int]]):
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            onward: dict[int, Connection] = {}
            self._hold(asyncio.current_task())
            try:
                while request := await http1.read(reader, writer):
                    call, port = to(request)
                    connection = onward.setdefault(port, Connection("127.0.0.1", port))
                    answer = await self._answer(request, call, connection, reader, writer)
                    writer.write(answer.to_bytes())
                    await writer.drain()
            except (HungUp, OSError, asyncio.IncompleteReadError):
                pass
            finally:
                for connection in onward.values():
                    connection.close()
                writer.close()

        return serve

    async def _answer(self, request, call, connection, reader, writer) -> Message:
        if call.kind == "batch":
            self._note_account(call)
        self.cursors.note(call)
        rule = self._rule_for(call, writer)
        match rule.inject if rule else None:
            case Answer(status, body, headers):
                return http1.answer(status, body, [*headers])
            case Swallow():
                return queues.swallowed(call)
            case Refuse(entries):
                return await queues.partly(request, call, entries, connection)
            case Kill(Moment.BEFORE) if self._kill(rule, writer):
                raise HungUp
            case Drop(Moment.BEFORE):
                raise HungUp
            case Delay(seconds, Moment.BEFORE):
                await asyncio.sleep(seconds)
        answer = await connection.call(request)
        if answer.status == 200:
            self.windows.note(call)
        self.doubles.note(request, call)
        match rule.inject if rule else None:
            case Kill(Moment.AFTER) if self._kill(rule, writer):
                raise HungUp
            case Drop(Moment.AFTER):
                raise HungUp
            case Delay(seconds, Moment.AFTER):
                await asyncio.sleep(seconds)
            case Deny(status, body):
                return http1.answer(status, body)
            case Repeat(seconds):
                self._repeat(request, call, connection.port, seconds)
            case Meet(seconds) if answer.status == 200 and self.doubles.can_meet(call):
                if await self.doubles.meet(call, seconds, self._deliver):
                    rule.hit()
            case Silence():
                await reader.read()
                raise HungUp
            case HalfClose():
                writer.write_eof()
                await reader.read()
                raise HungUp
        return answer

    def _rule_for(self, call: Call, writer: asyncio.StreamWriter) -> Rule | None:
        """The first rule that wants this call; kills and meetings count when they are done."""
        for rule in self._rules:
            if not rule.draw(call):
                continue
            if rule.functions and self._function(writer) not in rule.functions:
                continue
            if not isinstance(rule.inject, Kill | Meet):
                rule.hit()
            return rule
        return None

    def _pid(self, writer: asyncio.StreamWriter) -> int | None:
        ends = [writer.get_extra_info(end)[1] for end in ("peername", "sockname")]
        return self.callers.find(*ends) if self.callers else None

    def _function(self, writer: asyncio.StreamWriter) -> str:
        pid = self._pid(writer)
        return self.callers.function(pid) if pid else ""

    def _kill(self, rule: Rule, writer: asyncio.StreamWriter) -> bool:
        pid = self._pid(writer)
        killed = bool(pid) and rule.injected < rule.wanted and self.callers.kill(pid)
        if killed:
            rule.hit()
        return killed

    def _repeat(self, request: Message, call: Call, port: int, seconds: float) -> None:
        async def again() -> None:
            await asyncio.sleep(seconds)
            connection = Connection("127.0.0.1", port)
            try:
                answer = await connection.call(request)
                if answer.status == 200:
                    self.windows.note(call)
            finally:
                connection.close()

        self._hold(self._loop.create_task(again()))

    async def _deliver(self, request: Message) -> Message:
        connection = Connection("127.0.0.1", self.emulator_port)
        try:
            return await connection.call(request)
        finally:
            connection.close()

    def _hold(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _note_account(self, call: Call) -> None:
        puts = [action.get("Put", {}) for action in call.document.get("TransactItems", [])] or [call.document]
        for item in (put.get("Item", {}) for put in puts):
            if "terms" in item:
                self.accounts[item["pk"]["S"]] = item["gpk"]["S"].partition("#")[0]
