"""The digest of a script's code follows its imports, and sees content, not dates."""

import os
import subprocess
from pathlib import Path

from stelnet.provenance import code, records


def test_imports_are_followed_through_the_package(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import numpy\nfrom stelnet.provenance.job import job\nfrom stelnet import io\n")
    names = [path.name for path in code.source_files(script)]
    assert names == ["errors.py", "files.py", "io.py", "terms.py"]  # job.py makes no result


def test_digest_sees_content_and_is_blind_to_dates(tmp_path, monkeypatch):
    package = tmp_path / "stelnet"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text("from stelnet.b import x\n")
    (package / "b.py").write_text("x = 1\n")
    (package / "unused.py").write_text("y = 1\n")
    script = tmp_path / "script.py"
    script.write_text("import stelnet.a\n")
    monkeypatch.setattr(code, "PACKAGE", Path(package))

    def digest() -> str:
        code._imports.cache_clear()
        return code.source_digest(script)

    before = digest()
    os.utime(package / "b.py", (0, 0))
    (package / "unused.py").write_text("y = 2\n")
    assert digest() == before
    (package / "b.py").write_text("x = 2\n")
    assert digest() != before


def test_files_of_a_user_make_no_tree_dirty(tmp_path):
    """A list of stars in the clone is no change; an edited file and a new module are."""

    def git(*arguments):
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    def dirty():
        return records.git_state(tmp_path)["dirty"]

    (tmp_path / "workflow").mkdir()
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    git("init")
    git("add", "config.yaml")
    git("commit", "-m", "All")
    assert dirty() is False
    (tmp_path / "ages.ecsv").touch()
    assert dirty() is False
    (tmp_path / "workflow/new.py").touch()
    assert dirty() is True
    (tmp_path / "workflow/new.py").unlink()
    (tmp_path / "config.yaml").write_text("seed: 2\n")
    assert dirty() is True
