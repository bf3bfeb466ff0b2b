"""The local stack: MiniStack, what template.yaml makes of it, and the front door.

Everything that a stack has lives in its state directory: `.local` for `make up`, `.local/test` for `make test`, each
with ports of its own. Run it with `.local/tools/bin/python`; the Makefile does.
"""

import argparse
import contextlib
import json
import os
import platform
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import keeper

ROOT = Path(__file__).parents[2]
STACK = "carillon"
ARTIFACTS = "carillon-artifacts"

# Short, so that recovery is seen within a test. The rest is the template's own.
PARAMETERS = {
    "Architecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
    "DeletionProtection": "false",
    "TlsOnly": "false",
    "Alarms": "false",
    "Analytics": "true",
    "AllowedPrivateHosts": "127.0.0.1,localhost",
    "WebhookPrivateHosts": "127.0.0.1",
    "SendHighTimeoutSeconds": "25",
    "SendHighLeaseSeconds": "27",
    "SendHighVisibilitySeconds": "150",
    "SendBulkTimeoutSeconds": "30",
    "SendBulkLeaseSeconds": "32",
    "SendBulkVisibilitySeconds": "180",
    "SweepAfterSeconds": "15",
    "UnknownAfterSeconds": "180",
    "PrepareTimeoutSeconds": "60",
    "PrepareVisibilitySeconds": "360",
    "PrepareAgainSeconds": "15",
    "ExportTimeoutSeconds": "60",
    "ExportVisibilitySeconds": "360",
    "ExportLeaseSeconds": "10",
    "ExportPartRows": "200",
    "MaxConcurrencyExport": "2",
    "ImportTimeoutSeconds": "120",
    "ImportVisibilitySeconds": "720",
    "SecondLookSeconds": "15",
    "ReceiptsWindowSeconds": "1",
    "MaxConcurrencyPrepare": "2",
    "MaxConcurrencyLaneHigh": "4",
    "MaxConcurrencyLaneNormal": "4",
    "MaxConcurrencyLaneLow": "2",
    "MaxConcurrencyReceipts": "2",
    "MaxConcurrencyInbound": "2",
    "MaxConcurrencyImports": "2",
}


class Stack:
    def __init__(self, state: Path, port: int, door: int, lifetime: int):
        self.state, self.port, self.door, self.lifetime = state, port, door, lifetime
        self.emulator = f"127.0.0.1:{port}"
        self.url = f"http://127.0.0.1:{door}"
        self.env_file = state / "env"
        # What a benchmark may want otherwise: other builds and parameters, another way to the emulator, another taker of receipts.
        self.parameters = dict(PARAMETERS)
        self.template = ROOT / "template.yaml"
        self.functions_endpoint = f"http://{self.emulator}"
        self.hooks_url = self.url
        # `test` is MiniStack's root key; functions get sessions of their roles.
        self.credentials = {
            "AWS_ENDPOINT_URL": f"http://{self.emulator}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def up(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        self.start_emulator()
        outputs = self.deploy()
        self.mend_event_sources()
        self.mend_roles()
        self.mend_tables(outputs)
        self.open_front_door(outputs)
        self.write_env(outputs)
        self.make_member(outputs)
        say(f"up: {self.url}")

    def down(self) -> None:
        for name in ("simulator", "front-door", "ministack"):
            stopped = keeper.stop(self.state / f"{name}.pid")
            say(f"stopped {name}" if stopped else f"{name} does not run")
        self.env_file.unlink(missing_ok=True)

    def start_emulator(self) -> None:
        if keeper.alive(self.state / "ministack.pid"):
            say(f"MiniStack runs on {self.emulator}")
            return
        free(self.port)
        # Nothing of it survives a restart, so neither may what was known of the last one.
        self.env_file.unlink(missing_ok=True)
        minutes = max(1, self.lifetime // 60)
        say(f"starting MiniStack on {self.emulator} for {minutes} minutes (log: {self.state}/ministack.log)")
        temporary = self.state / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        # Functions inherit this environment, so it holds nothing of the shell's. TMPDIR: code is unpacked there.
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.state.resolve()),
            "TMPDIR": str(temporary.resolve()),
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "AWS_ENDPOINT_URL": self.functions_endpoint,
            "IOT_MTLS_ENABLED": "0",
            "LAMBDA_ACCOUNT_CONCURRENCY": "48",
        }
        keeper.start(
            self.state / "ministack.pid",
            self.state / "ministack.log",
            self.lifetime,
            environment,
            [str(ROOT / ".local/ministack/bin/python"), str(ROOT / "infra/local/emulator.py")],
        )
        wait(f"http://{self.emulator}/_ministack/health", self.state / "ministack.log")

    def deploy(self) -> dict[str, str]:
        say("deploying template.yaml")
        aws = self.client("s3")
        if ARTIFACTS not in [bucket["Name"] for bucket in aws.list_buckets()["Buckets"]]:
            aws.create_bucket(Bucket=ARTIFACTS)
        overrides = self.parameters | {"PublicUrl": self.url, "HooksUrl": self.hooks_url, "LinksUrl": self.url}
        overrides |= {"IdentityUrl": f"http://{self.emulator}", "IdentityDomain": STACK}
        log = self.state / "deploy.log"
        command = [
            str(ROOT / ".local/tools/bin/sam"), "deploy", "--config-env", "local", "--stack-name", STACK,
            "--config-file", str(ROOT / "samconfig.toml"), "--template-file", str(self.template.resolve()),
            "--s3-bucket", ARTIFACTS,
            "--parameter-overrides", *(f"{name}={value}" for name, value in overrides.items()),
        ]  # fmt: skip
        with log.open("w") as output:
            done = subprocess.run(
                command, cwd=ROOT, env=os.environ | self.credentials, stdout=output, stderr=subprocess.STDOUT
            )
        if done.returncode:
            raise SystemExit(f"{tail(log)}\nthe deployment failed (log: {log}); `make down up` starts from nothing")
        return self.outputs()

    def outputs(self) -> dict[str, str]:
        stack = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def mend_event_sources(self) -> None:
        """MiniStack keeps a template parameter as text, and its poller compares it with numbers."""
        functions = self.client("lambda")
        for source in functions.list_event_source_mappings()["EventSourceMappings"]:
            functions.update_event_source_mapping(
                UUID=source["UUID"],
                BatchSize=int(source["BatchSize"]),
                ScalingConfig={"MaximumConcurrency": int(source["ScalingConfig"]["MaximumConcurrency"])},
            )

    def mend_roles(self) -> None:
        """MiniStack asks for `sqs:SendMessageBatch`, which is no permission of AWS: `sqs:SendMessage` covers it there."""
        iam = self.client("iam")
        for role in iam.list_roles()["Roles"]:
            for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
                document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy)["PolicyDocument"]
                for statement in document["Statement"]:
                    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                    if "sqs:SendMessage" in actions:
                        statement["Action"] = sorted({*actions, "sqs:SendMessageBatch"})
                iam.put_role_policy(RoleName=role["RoleName"], PolicyName=policy, PolicyDocument=json.dumps(document))

    def mend_tables(self, outputs: dict[str, str]) -> None:
        """MiniStack describes a table with the text `"false"` where clients expect a boolean."""
        tables = self.client("dynamodb")
        for name in ("LedgerTable", "CoreTable", "ContactsTable"):
            tables.update_table(TableName=outputs[name], DeletionProtectionEnabled=False)

    def open_front_door(self, outputs: dict[str, str]) -> None:
        keeper.stop(self.state / "front-door.pid")
        free(self.door)
        say(f"opening the front door on {self.url}")
        local = self.emulator
        routes = []
        for prefix, output in (("/hooks/", "WebhookFunctionUrl"), ("/l/", "LinksFunctionUrl")):
            if url := outputs.get(output):
                identifier, region = url.removeprefix("https://").split(".lambda-url.")
                routes += ["--route", prefix, f"{identifier}.lambda-url.{region.split('.')[0]}.{local}"]
        routes += ["--route", "", f"{outputs['ApiId']}.execute-api.{local}"]
        keeper.start(
            self.state / "front-door.pid",
            self.state / "front-door.log",
            self.lifetime,
            {"PATH": "/usr/bin:/bin"},
            [sys.executable, str(ROOT / "infra/local/front_door.py"), "--port", str(self.door)]
            + ["--emulator", self.emulator, *routes],
        )
        wait(f"{self.url}/v1/openapi.json", self.state / "front-door.log")

    def write_env(self, outputs: dict[str, str]) -> None:
        """`KEY=value` lines for the shell, tests and the demo. What others have added stays."""
        values = self.read_env() | {"API_URL": self.url, "HOOKS_URL": self.hooks_url, "STACK": STACK} | self.credentials
        values |= {shout(key): value for key, value in outputs.items() if key not in ("ApiUrl", "HooksUrl")}
        self.env_file.write_text("".join(f"{key}={value}\n" for key, value in values.items()))

    def make_member(self, outputs: dict[str, str]) -> None:
        """An account with an owner who can sign in to the console at once, unless an earlier `up` has made them."""
        known = self.read_env()
        if "CONSOLE_EMAIL" not in known:
            email, password = "ada@example.com", f"Aa1-{secrets.token_urlsafe(12)}"
            self.add_user(outputs["UserPool"], email, password)
            self.account("Demo", email)
            with self.env_file.open("a") as file:
                file.write(f"CONSOLE_EMAIL={email}\nCONSOLE_PASSWORD={password}\n")
            known = self.read_env()
        say(f"the console: {self.url}, {known['CONSOLE_EMAIL']}, {known['CONSOLE_PASSWORD']}")

    def add_user(self, pool: str, email: str, password: str) -> None:
        users = self.client("cognito-idp")
        attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        with contextlib.suppress(users.exceptions.UsernameExistsException):
            users.admin_create_user(
                UserPoolId=pool, Username=email, UserAttributes=attributes, MessageAction="SUPPRESS"
            )
        users.admin_set_user_password(UserPoolId=pool, Username=email, Password=password, Permanent=True)

    def read_env(self) -> dict[str, str]:
        if not self.env_file.exists():
            return {}
        return dict(line.split("=", 1) for line in self.env_file.read_text().splitlines() if "=" in line)

    def invoke(self, function: str, event: bytes) -> object:
        functions = self.client("lambda")
        for patience in range(60, -1, -1):
            try:
                answer = functions.invoke(FunctionName=f"{STACK}-{function}", Payload=event)
                break
            except functions.exceptions.TooManyRequestsException:
                # Of all functions together, what runs at once is limited here as it is on AWS.
                if not patience:
                    raise
                time.sleep(1)
        payload = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise SystemExit(f"`{function}` failed: {json.dumps(payload, indent=2)}")
        return payload

    def account(self, name: str, owner: str | None = None) -> None:
        request = {"name": name, "countries": "all"} | ({"owner": owner} if owner else {})
        made = self.invoke("api", json.dumps({"create_account": request}).encode())
        with self.env_file.open("a") as file:
            file.write(f"API_KEY={made['key']}\nTEST_KEY={made['test_key']}\n")
        say(f"made the account {name}; its keys are shown only now, and are API_KEY and TEST_KEY in {self.env_file}:")
        print(made["key"], made["test_key"], sep="\n")

    def client(self, service: str):
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.credentials["AWS_ENDPOINT_URL"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="us-east-1",
            config=Config(read_timeout=910, retries={"max_attempts": 0}),
        )


def say(sentence: str) -> None:
    print(f"[local] {sentence}", flush=True)


def shout(name: str) -> str:
    """LaneHighQueueUrl -> LANE_HIGH_QUEUE_URL"""
    return "".join("_" + letter if letter.isupper() and i else letter for i, letter in enumerate(name)).upper()


def free(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise SystemExit(f"port {port} is taken: stop who has it, or choose another (`make up PORT=… DOOR=…`)")


def wait(url: str, log: Path) -> None:
    """Until something answers there, whatever it says."""
    for _ in range(150):
        try:
            urllib.request.urlopen(url, timeout=30).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"{tail(log)}\n{url} does not answer (log: {log})")


def tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-30:])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, default=ROOT / ".local")
    parser.add_argument("--port", type=int, default=4566, help="of the emulator")
    parser.add_argument("--door", type=int, default=8080, help="of the front door")
    parser.add_argument("--lifetime", type=int, default=12 * 3600, help="seconds until everything ends by itself")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up")
    commands.add_parser("down")
    account = commands.add_parser("account")
    account.add_argument("name")
    account.add_argument("--owner", help="e-mail address of somebody who signs in to the console")
    arguments = parser.parse_args()

    stack = Stack(arguments.state, arguments.port, arguments.door, arguments.lifetime)
    match arguments.command:
        case "up":
            stack.up()
        case "down":
            stack.down()
        case "account":
            stack.account(arguments.name, arguments.owner)


if __name__ == "__main__":
    main()
