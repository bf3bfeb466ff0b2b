"""Unpacks Kannel into `.local/kannel`, from the Debian packages that apt verifies. Needs no root and installs nothing.

Takes `kannel` and, round by round, packages of the libraries that are still missing on this machine. Skips what is there.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".local/kannel"
BOXES = ("bearerbox", "smsbox")
BY_HAND = "sudo apt-get install kannel   (Debian or Ubuntu; the tests find it in /usr/sbin too)"


class Missing(Exception):
    """Why Kannel can't be had here."""


def install() -> None:
    if (HOME / "installed").exists() or all(shutil.which(box, path="/usr/sbin") for box in BOXES):
        return
    if not all(shutil.which(tool) for tool in ("apt-get", "apt-cache", "dpkg")):
        raise Missing("this machine has no apt and no dpkg")
    print(f"[local] unpacking Kannel into {HOME.relative_to(ROOT)}", flush=True)
    try:
        unpack_with_libraries([])
    except Missing:
        # The machine's lists of packages are empty, or older than the packages that its mirror still has.
        unpack_with_libraries(own_lists())
    version = subprocess.run([HOME / "usr/sbin/bearerbox", "--version"], env=environment(), capture_output=True, text=True)
    if version.returncode:
        raise Missing(version.stderr.strip())
    print(f"[local] {version.stdout.splitlines()[0]}", flush=True)
    (HOME / "installed").write_text(version.stdout)


def unpack_with_libraries(apt: list[str]) -> None:
    """`apt` are options for apt."""
    shutil.rmtree(HOME, ignore_errors=True)
    (HOME / "packages").mkdir(parents=True)
    packages = ["kannel"]
    unpack(packages, apt)
    while missing := libraries_not_found():
        packages = [name for package in packages for name in needed(package, apt) if not unpacked(name)]
        if not packages:
            raise Missing(f"no package that it needs has {', '.join(sorted(missing))}")
        unpack(packages, apt)


def own_lists() -> list[str]:
    lists = ROOT / ".local/apt"
    for part in ("lists/partial", "archives/partial"):
        (lists / part).mkdir(parents=True, exist_ok=True)
    apt = ["-o", f"Dir::State::lists={lists}/lists", "-o", f"Dir::Cache={lists}"]
    run(["apt-get", *apt, *sandbox(), "update"])
    return apt


def sandbox() -> list[str]:
    """As root, apt would download as a user of its own, who may not write here."""
    return ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []


def unpack(packages: list[str], apt: list[str]) -> None:
    for package in packages:
        before = set((HOME / "packages").iterdir())
        done = run(["apt-get", *apt, *sandbox(), "download", package])
        if done.returncode:
            raise Missing(f"apt does not give the package `{package}`:\n{done.stderr.strip()}")
        for file in set((HOME / "packages").iterdir()) - before:
            subprocess.run(["dpkg", "-x", file, HOME], check=True)


def needed(package: str, apt: list[str]) -> list[str]:
    """Libraries' packages that it depends on and that the machine doesn't have."""
    lines = run(["apt-cache", *apt, "depends", "--important", package]).stdout.splitlines()
    names = {line.split(":", 1)[1].strip() for line in lines if "Depends:" in line}
    return sorted(name for name in names if name.startswith("lib") and not on_machine(name))


def on_machine(package: str) -> bool:
    status = run(["dpkg-query", "--show", "--showformat", "${db:Status-Status}", package])
    return status.stdout == "installed"


def unpacked(package: str) -> bool:
    return any((HOME / "packages").glob(f"{package}_*.deb"))


def libraries_not_found() -> set[str]:
    """By the machine's linker, for the two boxes and whatever was unpacked for them."""
    files = [HOME / "usr/sbin" / box for box in BOXES]
    files += [file for path in library_paths() for file in Path(path).glob("lib*.so*")]
    lines = run(["ldd", *files], env=environment()).stdout.splitlines()
    return {line.split()[0] for line in lines if line.endswith("not found")}


def library_paths() -> list[str]:
    triplet = f"{platform.machine()}-linux-gnu"
    return [str(HOME / lib / triplet) for lib in ("usr/lib", "lib")]


def environment() -> dict[str, str]:
    return os.environ | {"LD_LIBRARY_PATH": ":".join(library_paths())}


def run(command: list, **more) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=HOME / "packages", capture_output=True, text=True, **more)


if __name__ == "__main__":
    try:
        install()
    except Missing as why:
        sys.exit(f"[local] Kannel can't be unpacked here: {why}\nInstall it by hand: {BY_HAND}")
