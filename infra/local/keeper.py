"""Runs one command of the local stack in the background: keeps its pid file, ends it when told to or when it is too old.

The pid file is locked for as long as the keeper lives, so a number left behind by a crash is never taken for a process.
"""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def alive(pid_file: Path) -> int | None:
    """The keeper's pid, or None when nobody holds the pid file."""
    try:
        with pid_file.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return int(pid_file.read_text() or 0) or None


def start(pid_file: Path, log: Path, lifetime: int, env: dict, command: list[str]) -> None:
    """Starts a keeper in a session of its own and returns when it holds the pid file."""
    keeper = [sys.executable, __file__, "--pid-file", str(pid_file), "--lifetime", str(lifetime), "--", *command]
    with log.open("w") as output:
        process = subprocess.Popen(
            keeper, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    for _ in range(100):
        if alive(pid_file) or process.poll() is not None:
            return
        time.sleep(0.05)


def stop(pid_file: Path) -> bool:
    """Asks the keeper to end and waits for it. False when there was none."""
    pid = alive(pid_file)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    for _ in range(200):
        if alive(pid_file) is None:
            return True
        time.sleep(0.05)
    raise SystemExit(f"process {pid} of {pid_file} does not end")


def keep(pid_file: Path, lifetime: int, command: list[str]) -> int:
    with pid_file.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        child = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)
        try:
            return child.wait(timeout=lifetime)
        except subprocess.TimeoutExpired:
            print(f"stopped: older than {lifetime} s", flush=True)
            return 0
        finally:
            end(child)


def end(child: subprocess.Popen) -> None:
    """Ends the command and everything it started: first politely, after 5 s not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            return
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--pid-file", type=Path, required=True)
    parser.add_argument("--lifetime", type=int, required=True, help="seconds")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    sys.exit(keep(arguments.pid_file, arguments.lifetime, arguments.command))
