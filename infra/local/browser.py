"""Makes `.local/browser`: Playwright and axe from npm as pinned, and Debian's Chromium, unpacked without root where the machine has none."""

import hashlib
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".local/browser"
PINS = ROOT / "tests/browser"


def say(sentence: str) -> None:
    print(f"[local] {sentence}", flush=True)


def install_packages() -> None:
    wanted = hashlib.sha256((PINS / "package-lock.json").read_bytes()).hexdigest()
    mark = HOME / "installed"
    if mark.exists() and mark.read_text() == wanted:
        return
    say("installing Playwright and axe into .local/browser")
    HOME.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PINS / name, HOME / name)
    # Chromium is Debian's: no package may fetch one of its own.
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(command, cwd=HOME, check=True)
    mark.write_text(wanted)


def install_chromium() -> None:
    if shutil.which("chromium") or (HOME / "chromium/usr/bin/chromium").exists():
        return
    say("unpacking Debian's Chromium into .local/browser/chromium")
    parcels = HOME / "parcels"
    parcels.mkdir(parents=True, exist_ok=True)
    simulated = ["apt-get", "install", "--simulate", "--no-install-recommends", "chromium"]
    plan = subprocess.run(simulated, check=True, capture_output=True, text=True).stdout
    needed = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    subprocess.run(["apt-get", "download", "--quiet", *needed], cwd=parcels, check=True)
    for parcel in sorted(parcels.glob("*.deb")):
        subprocess.run(["dpkg", "-x", parcel, HOME / "chromium"], check=True)
    shutil.rmtree(parcels)


if __name__ == "__main__":
    install_packages()
    install_chromium()
