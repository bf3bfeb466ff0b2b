"""Who calls: from the client's end of a connection to the process that holds it, and the only place that ends processes.

Only functions of our own emulator are ever found: processes that descend from the keeper of its pid file.
"""

import os
import signal
from pathlib import Path

PROC = Path("/proc")


class Callers:
    def __init__(self, keeper_pid: int):
        self._keeper = keeper_pid

    def find(self, port: int, ours: int) -> int | None:
        """The pid whose socket leads from this port to that one of ours, on loopback; None when it is nobody of ours."""
        inode = _inode(port, ours)
        if inode is None:
            return None
        wanted = f"socket:[{inode}]"
        return next((pid for pid in self.functions() if wanted in _sockets(pid)), None)

    def function(self, pid: int) -> str:
        """`carillon-send-bulk`, by the process's environment."""
        return _environment(pid).get("AWS_LAMBDA_FUNCTION_NAME", "")

    def kill(self, pid: int) -> bool:
        if pid not in self.functions():
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def functions(self) -> list[int]:
        children: dict[int, list[int]] = {}
        for process in PROC.glob("[0-9]*"):
            if (parent := _parent(process)) is not None:
                children.setdefault(parent, []).append(int(process.name))
        found, open_ = [], [self._keeper]
        while open_:
            below = children.get(open_.pop(), [])
            found += below
            open_ += below
        return [pid for pid in found if self.function(pid)]


def _parent(process: Path) -> int | None:
    try:
        # The name, in parentheses, may have spaces of its own.
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def _inode(port: int, remote: int) -> str | None:
    ends = [f"0100007F:{end:04X}" for end in (port, remote)]
    for line in (PROC / "net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[1:3] == ends and words[9] != "0":
            return words[9]
    return None


def _sockets(pid: int) -> set[str]:
    found = set()
    try:
        for descriptor in (PROC / str(pid) / "fd").iterdir():
            try:
                found.add(os.readlink(descriptor))
            except OSError:
                continue
    except OSError:
        return set()
    return found


def _environment(pid: int) -> dict[str, str]:
    try:
        pairs = (PROC / str(pid) / "environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
