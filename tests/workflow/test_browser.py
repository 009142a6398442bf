"""The page of a run, and the site of docs/, in a real browser: headless Chromium, where it is installed."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from waiting import HANG

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

#: Types a word into the filter box and tells, in the title, what can be seen then.
PROBE = """<script>
const shown = () => [...document.querySelectorAll("article")].filter(a => a.offsetHeight > 0).map(a => a.id);
const all = shown();
const box = document.getElementById("filter");
box.value = "figure7.py";
box.dispatchEvent(new Event("input"));
document.title = JSON.stringify({all, filtered: shown(), width: document.documentElement.scrollWidth,
  broken: [...document.images].filter(i => !i.complete || i.naturalWidth === 0).length});
</script>"""


#: Tells, in the title, how wide a page is, which images it lacks, and what it asks of other servers.
LOOK = """<script>addEventListener("load", () => {
document.title = JSON.stringify({width: document.documentElement.scrollWidth,
  broken: [...document.images].filter(i => !i.complete || i.naturalWidth === 0).map(i => i.src),
  foreign: performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith("file:"))});
});</script>"""

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)"
)


def seen(page: Path, probe: str, width: int, profile: Path) -> dict:
    """Return what a script at the end of a page, here put in, writes into its title."""
    probed = page.with_name(f"probed-{page.name}")
    probed.write_text(
        page.read_text(encoding="utf-8").replace("</body>", f"{probe}</body>"), encoding="utf-8"
    )
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={profile}", f"--window-size={width},900", "--dump-dom"]
    dom = subprocess.run(
        [*command, "--virtual-time-budget=5000", probed.as_uri()],
        capture_output=True,
        text=True,
        timeout=HANG,
        check=True,
    ).stdout
    return json.loads(re.search(r"<title>(.*?)</title>", dom)[1])


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The folder of the site, its notebook not run: `make docs-site` does."""
    pytest.importorskip("sphinx", reason="needs the dependency group docs")
    folder = tmp_path_factory.mktemp("site") / "html"
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning"]
    command += ["-D", "nb_execution_mode=off", "-D", "suppress_warnings=myst-nb.lexer"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow")}
    result = subprocess.run(
        [*command, str(ROOT / "docs"), str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    assert result.returncode == 0, result.stderr
    return folder


def test_site_asks_nothing_of_other_servers(site):
    for path in site.rglob("*.html"):
        assert not re.search(
            r"<(script|link|img|iframe)[^>]*[\"'](https?:)?//", path.read_text(encoding="utf-8")
        )


@needs_chromium
@pytest.mark.parametrize("width", [1280, 500])
@pytest.mark.parametrize("page", ["index", "predict", "results", "api"])
def test_site_is_whole_and_fits_the_screen(site, tmp_path, page, width):
    look = seen(site / f"{page}.html", LOOK, width, tmp_path)
    assert look["width"] <= width
    assert look["broken"] == look["foreign"] == []


@needs_chromium
@pytest.mark.parametrize("width", [1280, 500])
def test_page_is_whole_fits_the_screen_and_can_be_filtered(demo, tmp_path, width):
    page = tmp_path / "index.html"
    shutil.copy(demo.folder / "results/demo/index.html", page)
    look = seen(page, PROBE, width, tmp_path / "profile")
    assert len(look["all"]) > 10
    assert 0 < len(look["filtered"]) < len(look["all"]) / 2
    assert look["broken"] == 0
    assert look["width"] <= width
