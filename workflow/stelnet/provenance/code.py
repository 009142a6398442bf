"""Which code made a file: the digest of a script and of all modules of this package that it imports."""

import ast
import hashlib
from functools import cache
from pathlib import Path

from stelnet.files import PACKAGE


def bookkeeping() -> frozenset[Path]:
    """Return the modules whose change makes no result out of date: those that keep logs and records, and the
    package's own, which every import runs and which holds nothing but its version and a short cut."""
    return frozenset({PACKAGE / "__init__.py", *(PACKAGE / "provenance").glob("*.py")})


def _module_file(name: str) -> Path | None:
    """Return the source file of a module of this package, None for anything else."""
    relative = Path(*name.split(".")[1:])
    for path in (
        PACKAGE / relative.with_suffix(".py") if relative.name else None,
        PACKAGE / relative / "__init__.py",
    ):
        if path and path.is_file():
            return path
    return None


@cache
def _imports(path: Path) -> frozenset[Path]:
    """Return the files of this package that a source file imports directly."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    files = (_module_file(name) for name in names if name.split(".")[0] == PACKAGE.name)
    return frozenset(file for file in files if file) - bookkeeping()


def source_files(script: Path) -> list[Path]:
    """Return the files of this package that a script imports, directly or through others, sorted.

    Only absolute imports (``from stelnet.x import y``) are followed: the package uses no others.
    """
    found: set[Path] = set()
    queue = [script]
    while queue:
        new = _imports(queue.pop()) - found
        found |= new
        queue += new
    return sorted(found)


def source_digest(script: Path, extra: tuple[Path, ...] = ()) -> str:
    """Return the SHA-256 digest of the package's files that a script uses, and of `extra` ones.

    Snakemake watches scripts but not what they import; this digest, given as a parameter of the rule,
    makes it rerun a job when the content of an imported module changes, and only then.
    """
    digest = hashlib.sha256()
    for path in (*source_files(script), *extra):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
