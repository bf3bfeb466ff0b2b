"""The console of this build on a port of its own, against the running stack: what was changed is seen without a deployment.

    .local/tools/bin/python infra/local/serve_console.py [--state .local] [--port 8081]

Its own environment is that of the deployed function; members sign in at the deployed console, whose cookie it shares (a cookie knows
no ports).
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import boto3

ROOT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, default=ROOT / ".local")
    parser.add_argument("--port", default="8081")
    arguments = parser.parse_args()
    lines = (arguments.state / "env").read_text().splitlines()
    known = dict(line.split("=", 1) for line in lines if "=" in line)
    functions = boto3.client(
        "lambda",
        endpoint_url=known["AWS_ENDPOINT_URL"],
        region_name=known["AWS_REGION"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    function = functions.get_function_configuration(FunctionName=f"{known['STACK']}-console")
    credentials = {name: value for name, value in known.items() if name.startswith("AWS_")}
    environment = os.environ | function["Environment"]["Variables"] | credentials
    environment |= {"PUBLIC_URL": f"http://127.0.0.1:{arguments.port}"}
    command = ["cargo", "run", "--profile", "local", "-p", "console", "--example", "serve", "--", arguments.port]
    sys.exit(subprocess.run(command, cwd=ROOT, env=environment).returncode)


if __name__ == "__main__":
    main()
