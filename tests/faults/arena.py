"""The deployed local stack that the faults are injected into, with short times, so that recovery takes seconds.

State and ports are its own. Functions reach AWS through the fault proxy; the tests themselves speak to the emulator.
"""

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import Any, Self

from callers import Callers
from botocore.exceptions import ClientError
from local import ROOT, STACK, PatientApi, Stack, keeper
from proxy import Proxy

STATE = ROOT / os.environ.get("FAULTS_STATE", ".local/faults")
PORT = int(os.environ.get("FAULTS_PORT", "4596"))
DOOR = int(os.environ.get("FAULTS_DOOR", "8110"))
AWS, GATEWAYS = PORT + 1, PORT + 2
LOCAL = ROOT / "target/lambda"
LIFETIME_SECONDS = 40 * 60
PARAMETERS = {
    # No window opens in the last 14 s of an invocation, and a lease outlasts it by 2 s instead of 30.
    "SendHighTimeoutSeconds": "20",
    "SendHighLeaseSeconds": "22",
    "SendHighVisibilitySeconds": "24",
    "SendBulkTimeoutSeconds": "20",
    "SendBulkLeaseSeconds": "22",
    "SendBulkVisibilitySeconds": "60",
    "SweepAfterSeconds": "4",
    # What never got a receipt stays `sent`, so that it isn't taken for what was in doubt.
    "UnknownAfterSeconds": "86400",
    "MaxConcurrencyPrepare": "4",
    "MaxConcurrencyLaneHigh": "4",
    "MaxConcurrencyLaneNormal": "8",
    "MaxConcurrencyLaneLow": "4",
}
# A dispatcher that was killed keeps the lock until its deadline and two seconds.
DISPATCH_TIMEOUT_SECONDS = 14
# The schedule's minute, hurried.
TICK_SECONDS = 3
# Queues whose messages come back by their visibility alone.
VISIBILITY = {"PREPARE": 4, "RECEIPTS": 5, "DISPATCH": 20}
# Who is killed twenty times is not a poison message.
MANY_RECEIVES = "1000"


class Arena:
    """With the functions of `build`."""

    def __init__(self, build: Path = LOCAL) -> None:
        STATE.mkdir(parents=True, exist_ok=True)
        self.stack = Stack(STATE, PORT, DOOR, LIFETIME_SECONDS)
        self.stack.template = _template(build.resolve())
        self.stack.functions_endpoint = f"http://127.0.0.1:{AWS}"
        self.stack.parameters |= PARAMETERS
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self.stack.down()
        self.proxy = Proxy(PORT, AWS, GATEWAYS)
        try:
            self.stack.up()
            self._arrange()
        except BaseException:
            self.stack.down()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for pid_file in STATE.glob("simulator-*.pid"):
            keeper.stop(pid_file)
        self.stack.down()

    def _arrange(self) -> None:
        self.values = self.stack.read_env()
        pid = keeper.alive(STATE / "ministack.pid")
        assert pid, "the emulator runs"
        self.proxy.callers = Callers(pid)
        functions = self.stack.client("lambda")
        functions.update_function_configuration(FunctionName=f"{STACK}-dispatch", Timeout=DISPATCH_TIMEOUT_SECONDS)
        self._one_pointer_each(functions)
        sqs = self.stack.client("sqs")
        for name, seconds in VISIBILITY.items():
            self._come_back_after(sqs, self.values[f"{name}_QUEUE_URL"], seconds)
        threading.Thread(target=self._tick, daemon=True).start()

    def _one_pointer_each(self, functions: Any) -> None:
        """One pointer an invocation: a kill leaves one window open. The lane `low` keeps its ten."""
        for source in functions.list_event_source_mappings()["EventSourceMappings"]:
            if source["EventSourceArn"].endswith(("-lane-high", "-lane-normal")):
                functions.update_event_source_mapping(UUID=source["UUID"], BatchSize=1)

    def _come_back_after(self, sqs: Any, url: str, seconds: int) -> None:
        now = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
        policy = json.loads(now["RedrivePolicy"]) | {"maxReceiveCount": MANY_RECEIVES}
        changed = {"VisibilityTimeout": str(seconds), "RedrivePolicy": json.dumps(policy)}
        sqs.set_queue_attributes(QueueUrl=url, Attributes=changed)

    def _tick(self) -> None:
        event = (ROOT / "events/dispatch-schedule.json").read_bytes()
        functions = self.stack.client("lambda")
        while not self._over.wait(TICK_SECONDS):
            # A tick that is refused is followed by the next.
            with contextlib.suppress(ClientError):
                functions.invoke(FunctionName=f"{STACK}-dispatch", InvocationType="Event", Payload=event)

    def account(self, name: str) -> tuple[str, PatientApi]:
        made = self.stack.invoke("api", json.dumps({"create_account": {"name": name, "countries": "all"}}).encode())
        return made["account"], PatientApi(self.stack.url, made["key"])


def _template(build: Path) -> Path:
    """template.yaml with this build's functions."""
    text = (ROOT / "template.yaml").read_text()
    text = text.replace("CodeUri: target/lambda/", f"CodeUri: {build}/")
    path = STATE / "template.yaml"
    path.write_text(text.replace("TemplateURL: infra/", f"TemplateURL: {ROOT}/infra/"))
    return path
