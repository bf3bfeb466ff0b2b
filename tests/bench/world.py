"""A local stack for benchmarks, with an account, and the simulator as its gateway. State, ports and lifetime are its own:
a running demo or test is not touched.

In a `DrivenWorld` pollers and clock are stopped: whoever measures hands the events to the functions.
"""

import json
import os
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra/local"))
SIMULATOR_PORT = 9910
os.environ["SIMULATOR_PORT"] = str(SIMULATOR_PORT)

import keeper  # noqa: E402
import simulator  # noqa: E402
from demo_api import Api, upload  # noqa: E402
from runtime_api import Function  # noqa: E402
from stack import STACK, Stack  # noqa: E402

STATE = ROOT / ".local/bench"
EMULATOR, DOOR, HOOKS = 4586, 8100, 8101
LIFETIME_SECONDS = 45 * 60
LOCAL = ROOT / "target/lambda"
RELEASE = Path(os.environ.get("LAMBDA_RELEASE", ROOT / "target/lambda-release"))
GATEWAY_PARTS_PER_SECOND = 1_000


class World:
    """The stack as `build` has its functions, and as they reach AWS by `functions_endpoint`."""

    def __init__(self, build: Path, functions_endpoint: str | None = None):
        STATE.mkdir(parents=True, exist_ok=True)
        self.build = build
        self.stack = Stack(STATE, EMULATOR, DOOR, LIFETIME_SECONDS)
        self.stack.template = _template(build)
        self.stack.functions_endpoint = functions_endpoint or self.stack.functions_endpoint

    def __enter__(self) -> Self:
        try:
            self.stack.down()
            self.stack.up()
            self.arrange()
        except BaseException:
            self.stack.down()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.down()

    def arrange(self) -> None:
        start_simulator(self.build)
        self.stack.account("Benchmark")
        # `API_KEY`, the queues' URLs, and whatever else the stack told.
        self.values = self.stack.read_env()
        self.api = Api(self.stack.url, self.values["API_KEY"])
        self.api.post("/v1/gateways", simulator.gateway() | {"parts_per_second": GATEWAY_PARTS_PER_SECOND})
        # Passwords to numbers in a row are what it is there to stop.
        self.api.patch("/v1/account", {"velocity": False})

    def settings(self, name: str) -> dict[str, Any]:
        """What the function was deployed with."""
        return self.stack.client("lambda").get_function_configuration(FunctionName=f"{STACK}-{name}")

    def campaign(self, numbers: list[str]) -> str:
        """Started; its preparation waits in the queue."""
        slot = self.api.post("/v1/uploads", {})
        rows = "".join(f"{number},Ada\n" for number in numbers)
        upload(slot["url"], slot["fields"], f"phone,name\n{rows}".encode())
        campaign = {
            "name": "Benchmark",
            "class": "transactional",
            "audience": {"type": "upload", "upload": slot["id"]},
            "content": {"text": "Hi {{name}}, your table is free from 8. Reply STOP to opt out."},
            "sender": "Carillon",
            "lane": "low",
        }
        made = self.api.post("/v1/campaigns", campaign)["id"]
        self.api.post(f"/v1/campaigns/{made}/start", {}, idempotency_key=str(uuid.uuid4()))
        return made


class DrivenWorld(World):
    """From release builds, which also run on their own here, with what they were deployed with."""

    def __init__(self) -> None:
        super().__init__(RELEASE)
        self.stack.hooks_url = f"http://127.0.0.1:{HOOKS}"
        for log in STATE.glob("function-*.log"):
            log.unlink()

    def arrange(self) -> None:
        functions = self.stack.client("lambda")
        self.batch_sizes = {}
        for source in functions.list_event_source_mappings()["EventSourceMappings"]:
            self.batch_sizes[source["FunctionArn"].rpartition(f"{STACK}-")[2]] = int(source["BatchSize"])
            functions.update_event_source_mapping(UUID=source["UUID"], Enabled=False)
        self.stack.client("scheduler").delete_schedule(Name=f"{STACK}-dispatch")
        super().arrange()
        self._sqs = self.stack.client("sqs")

    def function(self, name: str, endpoint: str, timeout_seconds: float | None = None) -> Function:
        """An environment that is not started yet; `endpoint` is its way to AWS."""
        settings = self.settings(deployed_as(name))
        environment = settings["Environment"]["Variables"] | {"AWS_ENDPOINT_URL": endpoint}
        return Function(name, binary(name), environment, log_of(name), timeout_seconds or settings["Timeout"])

    def receive(self, queue: str, most: int, wait_seconds: float) -> Iterator[dict[str, Any]]:
        """Up to `most` messages, and gone from the queue."""
        url, until = self.values[f"{queue}_QUEUE_URL"], time.monotonic() + wait_seconds
        while most > 0 and time.monotonic() < until:
            answer = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=min(10, most), WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                most -= 1
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield message


def deployed_as(name: str) -> str:
    """One binary of `send` serves two functions; campaigns go by the second."""
    return "send-bulk" if name == "send" else name


def binary(name: str, build: Path = RELEASE) -> Path:
    path = build / name / "bootstrap"
    if not path.exists():
        raise SystemExit(f"{path} is not built: `make build` or `make release` builds it")
    return path


def log_of(name: str) -> Path:
    return STATE / f"function-{name}.log"


def sqs_event(recorded: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The recorded event with these messages instead of its own."""
    first = json.loads((ROOT / "events" / recorded).read_text())["Records"][0]
    fields = {"MessageId": "messageId", "ReceiptHandle": "receiptHandle", "Body": "body", "MD5OfBody": "md5OfBody"}
    records = [first | {ours: message[theirs] for theirs, ours in fields.items()} for message in messages]
    return {"Records": records}


def numbers(count: int) -> list[str]:
    """Distinct and valid; nothing leaves this machine."""
    return [f"+4915{110_000_000 + index}" for index in range(count)]


def set_rules(*rules: dict[str, Any]) -> None:
    """How the simulator behaves: see tests/simulator/rules.rs."""
    document = json.dumps({"rules": rules}).encode()
    request = urllib.request.Request(f"{simulator.URL}/_sim/rules", data=document)
    urllib.request.urlopen(request, timeout=10).close()


def stop_simulator() -> None:
    keeper.stop(STATE / "simulator.pid")


def start_simulator(build: Path) -> None:
    secrets, log = simulator.gateway()["credentials"], STATE / "simulator.log"
    command = [str(binary("gateway-simulator", build)), "--port", str(SIMULATOR_PORT)]
    command += ["--token", secrets["token"], "--secret", secrets["signing"]]
    keeper.start(STATE / "simulator.pid", log, LIFETIME_SECONDS, {}, command)
    for _ in range(100):
        if "listening" in log.read_text():
            return
        time.sleep(0.05)
    raise SystemExit(f"the simulator does not start (log: {log})")


def _template(build: Path) -> Path:
    """template.yaml with this build's functions."""
    text = (ROOT / "template.yaml").read_text()
    text = text.replace("CodeUri: target/lambda/", f"CodeUri: {build}/")
    text = text.replace("TemplateURL: infra/", f"TemplateURL: {ROOT}/infra/")
    path = STATE / "template.yaml"
    path.write_text(text)
    return path
