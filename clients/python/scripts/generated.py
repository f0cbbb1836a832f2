"""What the two generators share: tidying generated files, putting them in their place, or telling that they differ."""

import filecmp
import shutil
import subprocess
import sys
from pathlib import Path

CONFIG = Path(__file__).parents[1] / "pyproject.toml"


def tidy(path: Path) -> None:
    """Sorts and formats as the rest of the package is."""
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--quiet", "--no-cache", "--config", str(CONFIG)]
    subprocess.run([*ruff, "check", "--fix-only", "--select", "I,RUF022", *options, path], check=True)
    subprocess.run([*ruff, "format", *options, path], check=True)


def publish(source: Path, target: Path, names: list[str], *, check: bool) -> int:
    """Puts the files and folders `names` of `source` in `target`, or with `check` compares; returns the exit code."""
    if check:
        stale = sorted(path for name in names for path in differences(source / name, target / name))
        for path in stale:
            print(f"not as generated: {path}")
        return 1 if stale else 0
    for name in names:
        if (source / name).is_dir():
            shutil.rmtree(target / name, ignore_errors=True)
            shutil.copytree(source / name, target / name)
        else:
            shutil.copyfile(source / name, target / name)
    return 0


def differences(fresh: Path, committed: Path) -> list[Path]:
    """Files that are missing, superfluous or of other content in `committed`."""
    if fresh.is_file():
        same = committed.is_file() and filecmp.cmp(fresh, committed, shallow=False)
        return [] if same else [committed]
    names = {path.relative_to(root) for root in (fresh, committed) for path in files(root)}
    return [committed / name for name in names if not same_file(fresh / name, committed / name)]


def files(root: Path) -> list[Path]:
    """Every file below, but for what the interpreter leaves."""
    return [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def same_file(one: Path, other: Path) -> bool:
    """Whether both exist with the same content."""
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)
