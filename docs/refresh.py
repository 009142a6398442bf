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
#: A place for the table of a name.
PLACE = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def copy_small(path: Path, name: str) -> None:
    """Copy a figure to docs/ in fewer pixels."""
    with Image.open(path) as image:
        size = (WIDTH, round(image.height * WIDTH / image.width))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        small.save(ROOT / f"docs/{name}.png", optimize=True)


def main_table(table1: str) -> str:
    """Return the rows of Table 1 that the paper prints, without the column that says so."""
    rows = [line.split("|", 2) for line in table1.splitlines() if line.startswith("|")]
    kept = [rest for _, first, rest in rows if first.strip(" -") in ("variant", "published", "")]
    return "\n".join(f"|{rest}" for rest in kept)


def filled(page: str, tables: Path) -> str:
    """Return the text of a page with its tables from a folder; the table `main` is a part of Table 1."""

    def fill(place: re.Match[str]) -> str:
        name = place[2]
        path = tables / f"{'table1' if name == 'main' else name}.md"
        table = path.read_text(encoding="utf-8").strip()
        return f"{place[1]}{main_table(table) if name == 'main' else table}\n{place[3]}"

    return PLACE.sub(fill, page)


def main() -> None:
    """Refresh all pages and figures."""
    for name in FIGURES:
        copy_small(ROOT / f"results/figures/{name}.png", name)

    with tempfile.TemporaryDirectory() as folder:
        plot = Path(folder) / "bright_stars.png"
        command = [sys.executable, "-m", "stelnet.cli", "plot", STARS, "--all", "-o", plot]
        subprocess.run([*command, "--tracks", ROOT / "results/mist/tracks.parquet"], check=True)
        copy_small(plot, plot.stem)

    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text(encoding="utf-8")
        page.write_text(filled(text, ROOT / "results/tables"), encoding="utf-8")


if __name__ == "__main__":
    main()
