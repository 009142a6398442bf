"""Copy results of a finished run, and what `stelnet predict` says, to README.md and docs/ (`make docs`)."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from astropy.table import Table
from PIL import Image

ROOT = Path(__file__).parents[1]
FIGURES = ("fig2", "fig5", "reliability", "coverage")
WIDTH = 1000
STARS = ROOT / "resources/examples/bright_stars.csv"
#: The stars of the README's table, and what they are.
SHOWN = {"Sun": "a dwarf", "beta Hyi": "a subgiant", "Lalande 21185": "a red dwarf"}
HEAD = (
    "| star | age [Gyr], 68 % | age from the data alone, 95 % | mass [Msun], 68 % | flags |",
    "|---|---|---|---|---|",
)
#: A place for what has a name.
PLACE = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def copy_small(path: Path, name: str) -> None:
    """Copy a figure to docs/ in fewer pixels."""
    with Image.open(path) as image:
        size = (WIDTH, round(image.height * WIDTH / image.width))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        small.save(ROOT / f"docs/{name}.png", optimize=True)


def star_row(row: Mapping[str, float]) -> str:
    """Return the line of a star in the table of the README."""

    def text(name: str, scale: float, digits: int) -> str:
        middle, low, high = (10 ** (row[f"{name}_{end}"] - scale) for end in ("median", "p16", "p84"))
        return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"

    low, high = (10 ** (row[f"log_age_data_{end}95"] - 9) for end in ("lo", "hi"))
    flags = ", ".join(f"`{flag}`" for flag in str(row["flags"]).split(",") if flag)
    cells = [f"{row['name']}, {SHOWN[row['name']]}", text("log_age", 9, 1), f"{low:.1g} to {high:.1f}"]
    return f"| {' | '.join([*cells, text('log_mass', 0, 2), flags])} |"


def main_table(table1: str) -> str:
    """Return the rows of Table 1 that the paper prints, without the column that says so."""
    rows = [line.split("|", 2) for line in table1.splitlines() if line.startswith("|")]
    kept = [rest for _, first, rest in rows if first.strip(" -") in ("variant", "published", "")]
    return "\n".join(f"|{rest}" for rest in kept)


def filled(page: str, tables: Path, texts: Mapping[str, str]) -> str:
    """Return the text of a page with `texts` in their places, and tables from a folder in the others.

    The table `main` is a part of Table 1.
    """

    def fill(place: re.Match[str]) -> str:
        name = place[2]
        if name in texts:
            return f"{place[1]}{texts[name]}\n{place[3]}"
        path = tables / f"{'table1' if name == 'main' else name}.md"
        table = path.read_text(encoding="utf-8").strip()
        return f"{place[1]}{main_table(table) if name == 'main' else table}\n{place[3]}"

    return PLACE.sub(fill, page)


def main() -> None:
    """Refresh all pages and figures."""
    stelnet = [sys.executable, "-m", "stelnet.cli"]
    for name in FIGURES:
        copy_small(ROOT / f"results/figures/{name}.png", name)

    with tempfile.TemporaryDirectory() as folder:
        plot, ages = Path(folder) / "bright_stars.png", Path(folder) / "ages.ecsv"
        tracks = ["--tracks", ROOT / "results/mist/tracks.parquet"]
        subprocess.run([*stelnet, "plot", STARS, "--all", "-o", plot, *tracks], check=True)
        copy_small(plot, plot.stem)
        predict = [*stelnet, "predict", STARS, "-o", ages]
        said = subprocess.run(predict, check=True, capture_output=True, text=True).stderr
        rows = {row["name"]: row for row in Table.read(ages)}
    texts = {
        "said": f"```text\n{said}```",
        "stars": "\n".join(["", *HEAD, *(star_row(rows[name]) for name in SHOWN), ""]),
    }

    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text(encoding="utf-8")
        page.write_text(filled(text, ROOT / "results/tables", texts), encoding="utf-8")


if __name__ == "__main__":
    main()
