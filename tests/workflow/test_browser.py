"""The page of a run in a real browser: headless Chromium, where it is installed."""

import json
import re
import shutil
import subprocess

import pytest
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


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)")
@pytest.mark.parametrize("width", [1280, 500])
def test_page_is_whole_fits_the_screen_and_can_be_filtered(demo, tmp_path, width):
    text = (demo.folder / "results/demo/index.html").read_text(encoding="utf-8")
    page = tmp_path / "index.html"
    page.write_text(text.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900", "--dump-dom"]
    dom = subprocess.run(
        [*command, "--virtual-time-budget=5000", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=HANG,
        check=True,
    ).stdout
    seen = json.loads(re.search(r"<title>(.*?)</title>", dom)[1])
    assert len(seen["all"]) > 10
    assert 0 < len(seen["filtered"]) < len(seen["all"]) / 2
    assert seen["broken"] == 0
    assert seen["width"] <= width
