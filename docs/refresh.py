"""Copy tables and figures of a finished run of the workflow into README.md and docs/ (`make docs`)."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
FIGURES = ("fig2", "fig5")
WIDTH = 1000
STARS = ROOT / "resources/examples/bright_stars.csv"


def copy_small(path: Path, name: str) -> None:
    """Copy a figure to docs/ in fewer pixels."""
    with Image.open(path) as image:
        size = (WIDTH, round(image.height * WIDTH / image.width))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        small.save(ROOT / f"docs/{name}.png", optimize=True)


for name in FIGURES:
    copy_small(ROOT / f"results/figures/{name}.png", name)

with tempfile.TemporaryDirectory() as folder:
    plot = Path(folder) / "bright_stars.png"
    command = [sys.executable, "-m", "stelnet.cli", "plot", STARS, "--all", "-o", plot]
    subprocess.run([*command, "--tracks", ROOT / "results/mist/tracks.parquet"], check=True)
    copy_small(plot, plot.stem)

readme = ROOT / "README.md"
text = readme.read_text(encoding="utf-8")
for name in ("table1", "pearson", "mist_error", "clusters"):
    table = (ROOT / f"results/tables/{name}.md").read_text(encoding="utf-8").strip()
    text = re.sub(
        rf"(<!-- {name} -->\n).*?(<!-- end -->)",
        lambda m, t=table: f"{m[1]}{t}\n{m[2]}",
        text,
        flags=re.DOTALL,
    )
readme.write_text(text, encoding="utf-8")
