"""Makes `.local/ministack` and `.local/tools` from their pinned requirements. Skips what is already as pinned."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]


def install(name: str) -> None:
    pins = ROOT / f"infra/local/requirements-{name}.txt"
    home = ROOT / ".local" / name
    mark = home / "installed"
    wanted = hashlib.sha256(pins.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text() == wanted:
        return
    print(f"[local] installing {name} into {home.relative_to(ROOT)}", flush=True)
    venv.create(home, clear=True, with_pip=True)
    pip = [home / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", pins]
    subprocess.run(pip, check=True)
    mark.write_text(wanted)


if __name__ == "__main__":
    for name in sys.argv[1:] or ("ministack", "tools"):
        install(name)
