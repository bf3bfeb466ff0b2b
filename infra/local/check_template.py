"""What an emulator does not enforce and a deployment to AWS would find out: does the template fit itself and the code?

Prints each thing that does not fit in a sentence, and fails if there was one.
"""

import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
POLL = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
# Read by the code, set by Lambda itself, the emulator or a developer's shell.
# CARILLON_…: knobs of tests.
FOREIGN = re.compile(r"AWS_|_X_AMZN|RUST_|LAMBDA_|CARGO_|CARILLON_|OUT_DIR$|PATH$|HOME$")
VARIABLE = re.compile(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"')


class Loader(yaml.SafeLoader):
    """Reads `!Ref x` as {"Ref": x} and `!GetAtt a.b` as {"Fn::GetAtt": "a.b"}."""


def intrinsic(loader: Loader, tag: str, node: yaml.Node) -> dict:
    match node:
        case yaml.ScalarNode():
            value = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case _:
            value = loader.construct_mapping(node, deep=True)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


Loader.add_multi_constructor("!", intrinsic)


class Template:
    def __init__(self, path: str):
        self.path = path
        self.resources = yaml.load((ROOT / path).read_text(), Loader)["Resources"]

    def of(self, kind: str) -> dict[str, dict]:
        return {name: it.get("Properties", {}) for name, it in self.resources.items() if it["Type"] == kind}


def items(value: object) -> list:
    return value if isinstance(value, list) else [value]


def flat(value: object) -> str:
    """An expression of the template as one string, to compare and to search."""
    return repr(value)


def statements(role: dict) -> list[dict]:
    """A role's statements, those inside an `!If` among them."""
    found = []
    for policy in role.get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            found += [s for s in statement.get("Fn::If", [statement]) if isinstance(s, dict) and "Effect" in s]
    return found


def may(role: dict, action: str, resource: object) -> bool:
    return any(
        action in items(statement["Action"]) and flat(resource) in map(flat, items(statement["Resource"]))
        for statement in statements(role)
    )


def event_sources(template: Template) -> list[str]:
    wrong = []
    roles = template.of("AWS::IAM::Role")
    for name, function in template.of("AWS::Serverless::Function").items():
        role = roles[function["Role"]["Fn::GetAtt"].split(".")[0]]
        for source, event in function.get("Events", {}).items():
            properties = event["Properties"]
            wrong += [
                f"{name}: the role may not {action} on the queue of {source}"
                for action in sorted(POLL)
                if not may(role, action, properties["Queue"])
            ]
            if properties.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
                wrong.append(f"{name}: {source} does not report the failures of single messages")
            if "MaximumConcurrency" not in properties.get("ScalingConfig", {}):
                wrong.append(f"{name}: {source} has no maximum concurrency")
    return wrong


def dead_letters(template: Template, queues: Template, schedules: Template, alarms: Template) -> list[str]:
    """Who reads a queue may bury beside it and knows its tries; one function empties all that is beside; each has an alarm."""
    wrong = []
    roles = template.of("AWS::IAM::Role")
    functions = template.of("AWS::Serverless::Function")
    emptied = flat(variables(functions["DeadLettersFunction"])["DEAD_LETTER_QUEUES"])
    emptier = flat(roles["DeadLettersRole"])
    alarmed = {flat(alarm.get("Dimensions")) for alarm in alarms.of("AWS::CloudWatch::Alarm").values()}
    for name, queue in (queues.of("AWS::SQS::Queue") | schedules.of("AWS::SQS::Queue")).items():
        actual = queue["QueueName"]["Fn::Sub"]
        if not actual.endswith("-dead"):
            continue
        if not any(actual in dimensions for dimensions in alarmed):
            wrong.append(f"{actual}: has no alarm in {alarms.path}")
        known = "schedules-dead" if actual.endswith("schedules-dead") else f"Queues.Outputs.{name}"
        if known not in emptied or known not in emptier:
            wrong.append(f"{actual}: DeadLettersFunction does not empty it, or may not")
    for name, function in functions.items():
        for event in function.get("Events", {}).values():
            queue = event["Properties"]["Queue"]["Fn::GetAtt"].split(".")[-1].removesuffix("Arn")
            policy = queues.of("AWS::SQS::Queue")[queue]["RedrivePolicy"]
            beside = policy["deadLetterTargetArn"]["Fn::GetAtt"].removesuffix(".Arn")
            if "QUEUE_TRIES" not in variables(function):
                continue
            role = roles[function["Role"]["Fn::GetAtt"].split(".")[0]]
            if not may(role, "sqs:SendMessage", {"Fn::GetAtt": f"Queues.Outputs.{beside}Arn"}):
                wrong.append(f"{name}: the role may not send to {beside}")
            if f"Queues.Outputs.{beside}Url" not in flat(variables(function)["DEAD_LETTER_URLS"]):
                wrong.append(f"{name}: DEAD_LETTER_URLS does not name {beside}")
            tries = variables(function)["QUEUE_TRIES"]
            # As text: the emulator starts no process with a number in its environment.
            if tries != str(policy["maxReceiveCount"]):
                wrong.append(f"{name}: QUEUE_TRIES is {tries!r}, {queue} gives '{policy['maxReceiveCount']}'")
    return wrong


def doors(template: Template) -> list[str]:
    wrong = []
    permissions = list(template.of("AWS::Lambda::Permission").values())
    integrations = template.of("AWS::ApiGatewayV2::Integration")
    for name, route in template.of("AWS::ApiGatewayV2::Route").items():
        integration = integrations[re.search(r"integrations/\$\{(\w+)\}", route["Target"]["Fn::Sub"])[1]]
        function = integration["IntegrationUri"]["Fn::GetAtt"].removesuffix(".Arn")
        path = route["RouteKey"].split(" ")[-1].lstrip("/")
        if not any(
            p["FunctionName"] == {"Ref": function}
            and p["Principal"] == "apigateway.amazonaws.com"
            and p.get("SourceArn", {}).get("Fn::Sub", "").endswith("/" + path)
            for p in permissions
        ):
            wrong.append(f"{name}: no permission for `{function}` with the SourceArn of `{route['RouteKey']}`")
    for name, url in template.of("AWS::Lambda::Url").items():
        function = url["TargetFunctionArn"]["Fn::GetAtt"].removesuffix(".Arn")
        mine = [p for p in permissions if p["FunctionName"] == {"Ref": function}]
        kinds = [p.get("FunctionUrlAuthType") for p in mine if p["Action"] == "lambda:InvokeFunctionUrl"]
        if url["AuthType"] not in kinds:
            wrong.append(f"{name}: no permission to invoke the URL with FunctionUrlAuthType {url['AuthType']}")
        if not any(p["Action"] == "lambda:InvokeFunction" and p.get("InvokedViaFunctionUrl") is True for p in mine):
            wrong.append(f"{name}: no permission to invoke `{function}` by way of its URL")
    return wrong


def schedules(template: Template) -> list[str]:
    wrong = []
    roles = template.of("AWS::IAM::Role")
    for name, schedule in template.of("AWS::Scheduler::Schedule").items():
        target = schedule["Target"]
        role = roles[target["RoleArn"]["Fn::GetAtt"].split(".")[0]]
        if not may(role, "lambda:InvokeFunction", target["Arn"]):
            wrong.append(f"{name}: its role may not invoke its target")
        if not may(role, "sqs:SendMessage", target["DeadLetterConfig"]["Arn"]):
            wrong.append(f"{name}: its role may not write to its dead-letter queue")
    for name, role in roles.items():
        trust = role["AssumeRolePolicyDocument"]["Statement"][0]
        if "aws:SourceAccount" not in flat(trust.get("Condition")):
            wrong.append(f"{name}: EventBridge Scheduler may assume it for other accounts")
    return wrong


def queues(template: Template) -> list[str]:
    wrong = []
    policed = {queue["Ref"] for policy in template.of("AWS::SQS::QueuePolicy").values() for queue in policy["Queues"]}
    for name, queue in template.of("AWS::SQS::Queue").items():
        if name not in policed:
            wrong.append(f"{name}: no policy that demands TLS")
        if queue.get("MessageRetentionPeriod") != 1209600:
            wrong.append(f"{name}: keeps messages for less than 14 days")
        if queue.get("SqsManagedSseEnabled") is not True:
            wrong.append(f"{name}: not encrypted")
        if "dead" in flat(queue["QueueName"]):
            if "RedriveAllowPolicy" not in queue:
                wrong.append(f"{name}: any queue may use it for its dead letters")
            continue
        dead = queue.get("RedrivePolicy", {}).get("deadLetterTargetArn", {}).get("Fn::GetAtt", "").removesuffix(".Arn")
        source = queue["QueueName"]["Fn::Sub"]
        if dead not in template.resources:
            wrong.append(f"{name}: no dead-letter queue")
        elif not flat(template.of("AWS::SQS::Queue")[dead]["RedriveAllowPolicy"]).endswith(f":{source}'}}]}}"):
            wrong.append(f"{dead}: does not name {source} as its source")
    return wrong


def times(template: Template, queues: Template) -> list[str]:
    """A visibility timeout is 6 times its function's timeout, plus the window; a lease outlasts the function by 30 s."""
    parameters = yaml.load((ROOT / template.path).read_text(), Loader)["Parameters"]
    inner = yaml.load((ROOT / queues.path).read_text(), Loader)["Parameters"]
    default = lambda value, at: at[value["Ref"]]["Default"] if isinstance(value, dict) else value
    wrong = []
    for name, function in template.of("AWS::Serverless::Function").items():
        timeout = default(function["Timeout"], parameters)
        for event in function.get("Events", {}).values():
            queue = event["Properties"]["Queue"]["Fn::GetAtt"].split(".")[-1].removesuffix("Arn")
            visibility = default(queues.of("AWS::SQS::Queue")[queue]["VisibilityTimeout"], inner)
            window = default(event["Properties"].get("MaximumBatchingWindowInSeconds", 0), parameters)
            if visibility < 6 * timeout + window:
                wrong.append(f"{queue}: is visible again after {visibility} s, `{name}` needs {6 * timeout + window} s")
        lease = variables(function).get("LEASE_SECONDS")
        if lease and default(lease, parameters) < timeout + 30:
            wrong.append(f"{name}: its lease of {default(lease, parameters)} s is shorter than its timeout and 30 s")
    for name, parameter in inner.items():
        if name in parameters and parameters[name].get("Default") != parameter.get("Default"):
            wrong.append(f"{name}: template.yaml and {queues.path} have different defaults")
    return wrong


def variables(function: dict) -> dict:
    return function["Environment"]["Variables"]


def environment(template: Template) -> list[str]:
    wrong = []
    for name, function in template.of("AWS::Serverless::Function").items():
        crate = function["CodeUri"].strip("/").split("/")[-1]
        code = "\n".join(path.read_text() for one in (crate, *libraries(crate)) for path in sources(one))
        if code.count("\n") < 5:
            print(f"[check] functions/{crate} has no code yet: its variables are not compared")
            continue
        read = {variable for variable in VARIABLE.findall(code) if not FOREIGN.match(variable)}
        read = {variable for variable in read if variable in known(template) or re.search(rf'\(\s*"{variable}"\s*\)', code)}
        given = set(variables(function))
        wrong += [f"functions/{crate} reads {v}, which template.yaml does not give {name}" for v in sorted(read - given)]
        wrong += [f"template.yaml gives {name} {v}, which functions/{crate} does not read" for v in sorted(given - read)]
    return wrong


def same_as_api(template: Template) -> list[str]:
    """`console` acts by the code of `api`: what one is told and may, the other is told and may."""
    functions, roles = template.of("AWS::Serverless::Function"), template.of("AWS::IAM::Role")
    api, console = (variables(functions[name]) for name in ("ApiFunction", "ConsoleFunction"))
    wrong = [f"ConsoleFunction is told another {v} than ApiFunction" for v in api if console.get(v) != api[v]]
    mine = [flat(it).replace("ConsoleLog", "ApiLog") for it in statements(roles["ConsoleRole"])]
    wrong += [f"ConsoleRole may not what ApiRole may: {it}" for it in map(flat, statements(roles["ApiRole"])) if it not in mine]
    return wrong


def alerts(template: Template, topics: Template) -> list[str]:
    """Members' topic is encrypted and asks for TLS; one function may publish, and two may say who is told of which accounts."""
    wrong = []
    policed = [policy for policy in topics.of("AWS::SNS::TopicPolicy").values() if "aws:SecureTransport" in flat(policy)]
    for name, topic in topics.of("AWS::SNS::Topic").items():
        if "KmsMasterKeyId" not in topic:
            wrong.append(f"{name}: not encrypted")
        if not any({"Ref": name} in policy["Topics"] for policy in policed):
            wrong.append(f"{name}: no policy that demands TLS")
    for name, role in template.of("AWS::IAM::Role").items():
        actions = {action for it in statements(role) for action in items(it["Action"]) if action.startswith("sns:")}
        allowed = {"HooksRole": {"sns:Publish"}} | dict.fromkeys(
            ("ApiRole", "ConsoleRole"), {"sns:Subscribe", "sns:Unsubscribe", "sns:SetSubscriptionAttributes"}
        )
        wrong += [f"{name}: may {action}" for action in sorted(actions - allowed.get(name, set()))]
    return wrong


def sources(crate: str) -> list[Path]:
    return sorted((ROOT / "functions" / crate / "src").rglob("*.rs"))


def libraries(crate: str) -> list[str]:
    """Functions whose code is in this one too: `console` has that of `api`, which reads variables for both."""
    manifest = (ROOT / "functions" / crate / "Cargo.toml").read_text()
    dependencies = re.findall(r"^carillon-([a-z-]+)", manifest.split("[dependencies]")[-1], re.MULTILINE)
    return [name for name in dependencies if (ROOT / "functions" / name).is_dir()]


def known(template: Template) -> set[str]:
    return {v for function in template.of("AWS::Serverless::Function").values() for v in variables(function)}


def main() -> None:
    template, queue = Template("template.yaml"), Template("infra/queues.yaml")
    schedule = Template("infra/schedules.yaml")
    wrong = event_sources(template) + doors(template) + schedules(schedule) + queues(queue) + queues(schedule)
    wrong += dead_letters(template, queue, schedule, Template("infra/observability.yaml"))
    wrong += alerts(template, Template("infra/alerts.yaml"))
    wrong += times(template, queue) + environment(template) + same_as_api(template)
    for sentence in wrong:
        print(f"[check] {sentence}")
    if wrong:
        sys.exit(1)
    print("[check] the template fits")


if __name__ == "__main__":
    main()
