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
TABLES = ("table1", "pearson", "mist_error", "clusters")
WIDTH = 1000
STARS = ROOT / "resources/examples/bright_stars.csv"
#: The stars of the README's table, and what they are.
SHOWN = {"Sun": "a dwarf", "beta Hyi": "a subgiant", "Lalande 21185": "a red dwarf"}
HEAD = (
    "| star | age [Gyr], 68 % | age from the data alone, 95 % | mass [Msun], 68 % | flags |",
    "|---|---|---|---|---|",
)


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


def between(text: str, mark: str, content: str) -> str:
    """Return a text with new content behind `<!-- mark -->`, up to `<!-- end -->`."""
    pattern = rf"(<!-- {mark} -->\n).*?(<!-- end -->)"
    return re.sub(pattern, lambda found: f"{found[1]}{content}\n{found[2]}", text, flags=re.DOTALL)


def main() -> None:
    """Make all copies."""
    stelnet = [sys.executable, "-m", "stelnet.cli"]
    for name in FIGURES:
        copy_small(ROOT / f"results/figures/{name}.png", name)
    with tempfile.TemporaryDirectory() as folder:
        plot, ages = Path(folder) / "bright_stars.png", Path(folder) / "ages.ecsv"
        tracks = ["--tracks", ROOT / "results/mist/tracks.parquet"]
        subprocess.run([*stelnet, "plot", STARS, "--all", "-o", plot, *tracks], check=True)
        copy_small(plot, plot.stem)
        answer = subprocess.run(
            [*stelnet, "predict", STARS, "-o", ages], check=True, capture_output=True, text=True
        )
        rows = {row["name"]: row for row in Table.read(ages)}
    said = f"```text\n{answer.stderr}```"
    for page in ("README.md", "docs/predict.md"):
        path = ROOT / page
        text = between(path.read_text(encoding="utf-8"), "said", said)
        text = between(text, "stars", "\n".join(["", *HEAD, *(star_row(rows[name]) for name in SHOWN), ""]))
        for name in TABLES:
            table = (ROOT / f"results/tables/{name}.md").read_text(encoding="utf-8").strip()
            text = between(text, name, table)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
