"""Copy tables and two figures of a finished run of the workflow into README.md and docs/ (`make docs`)."""

import re
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
FIGURES = ("fig2", "fig5")
WIDTH = 1000

for name in FIGURES:
    with Image.open(ROOT / f"results/figures/{name}.png") as image:
        size = (WIDTH, round(image.height * WIDTH / image.width))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS).quantize(128)
        small.save(ROOT / f"docs/{name}.png", optimize=True)

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
