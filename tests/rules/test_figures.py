"""The figures' scripts, run as Snakemake runs them, on made-up tables; and the captions of the report."""

import re
import subprocess
import sys
from pathlib import Path

import docutils.core
import figure_inputs as inputs
import jinja2
import matplotlib.image
import pytest
from conftest import ROOT
from script_job import run_script

from stelnet.io import read_table, write_csv, write_table

#: Figure -> its rule and script.
RULES = {
    "1": "figure1",
    **dict.fromkeys("23", "figure_of_stage"),
    "4": "figure4",
    **dict.fromkeys("56", "figure_of_cluster"),
    "7": "figure7",
}
#: Width and height of each figure [inch].
SIZES = {
    "1": (7.1, 3.3),
    "2": (7.1, 7.2),
    "3": (7.1, 7.2),
    "4": (3.4, 2.7),
    "5": (7.1, 3.1),
    "6": (7.1, 3.1),
    "7": (7.1, 2.6),
}
STAGES = {"2": "post", "3": "pre", "5": "post", "6": "pre"}
figures = pytest.mark.parametrize("name", list(SIZES))


class Named(list):
    """A list whose items have names, like Snakemake's own."""

    def __init__(self, **items):
        super().__init__(items.values())
        self.__dict__.update(items)

    def __getitem__(self, key):
        return self.__dict__[key] if isinstance(key, str) else super().__getitem__(key)


class Job:
    """Stands in for the object that Snakemake hands to a figure's script."""

    def __init__(self, name: str, tables: Path, out: Path) -> None:
        predictions = {
            model: tables / f"predictions/this_work/{model}/published/{STAGES.get(name)}.parquet"
            for model in ("baseline", "transfer")
        }
        pearson = {"pearson": tables / "tables/pearson.csv"}
        catalogues = [
            tables / f"catalogues/published/{key}.parquet"
            for key, (_, stage, _) in inputs.CATALOGUES.items()
            if name == "1" or stage == "pre"
        ]
        members = [tables / f"clusters/{key}.parquet" for key in inputs.CLUSTERS]
        self.input = Named(
            **{
                "1": {"catalogues": catalogues, "tracks": tables / "mist/tracks.parquet"},
                "2": predictions | pearson,
                "3": predictions | pearson,
                "4": {"clusters": members, "zams": tables / "mist/zams.parquet"},
                "5": predictions,
                "6": predictions,
                "7": {"catalogues": catalogues},
            }[name]
        )
        cluster = {"5": "Old", "6": "Fresh"}.get(name)
        self.params = Named(variant="published", stage=STAGES.get(name), cluster=cluster)
        self.output = Named(pdf=out / f"fig{name}.pdf", png=out / f"fig{name}.png")
        self.rule = RULES[name]
        self.folder = out
        self.config = {
            "training": {"bootstraps": 20},
            "mist": {"zams_eep": inputs.ZAMS_EEP},
            "catalogues": {key: {"label": label} for key, label in inputs.LABELS.items()},
            "clusters": {
                key: {"label": label, "adapter": "wright_bossini"}
                for key, (label, _, _) in inputs.CLUSTERS.items()
            },
        }

    @property
    def log(self) -> Path:
        return self.folder / f"logs/{self.rule}.log"

    def run(self) -> None:
        """Run the script of the figure."""
        run_script(
            self.rule,
            self.folder,
            input=vars(self.input),
            output=vars(self.output),
            params=vars(self.params),
            config=self.config,
        )


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Path:
    """Real (not simulated) tables."""
    folder = tmp_path_factory.mktemp("tables")
    inputs.write(folder, simulated=False)
    return folder


@pytest.fixture(scope="module")
def made(tables, tmp_path_factory) -> Path:
    """All figures, made in this process."""
    folder = tmp_path_factory.mktemp("figures")
    for name in SIZES:
        Job(name, tables, folder).run()
    return folder


@figures
def test_script_makes_a_pdf_and_a_png_of_the_right_size(name, made):
    width, height = SIZES[name]
    pixels = matplotlib.image.imread(made / f"fig{name}.png")
    assert pixels.shape[:2] == (round(300 * height), round(300 * width))
    pdf = (made / f"fig{name}.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf)
    assert [float(side) for side in box.groups()] == pytest.approx([72 * width, 72 * height])
    assert b"/Type3" not in pdf
    assert b"CreationDate" not in pdf


def test_another_process_makes_the_same_bytes_without_torch(tables, made, tmp_path):
    path = [str(ROOT / "tests"), str(ROOT / "tests/rules")]
    script = tmp_path / "again.py"
    script.write_text(
        f"import sys; sys.path[:0] = {path!r}\n"
        "from pathlib import Path; from test_figures import SIZES, Job\n"
        f"for name in SIZES: Job(name, Path({str(tables)!r}), Path({str(tmp_path)!r})).run()\n"
        "assert 'torch' not in sys.modules"
    )
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    files = sorted(made.glob("*.p[dn][fg]"))
    assert len(files) == 2 * len(SIZES)
    for file in files:
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file.name


@figures
def test_simulated_and_real_tables_are_not_mixed(name, tables, tmp_path):
    inputs.write(tmp_path, simulated=True)
    job = Job(name, tables, tmp_path / "out")
    first = job.input[0][0] if isinstance(job.input[0], list) else job.input[0]
    table = read_table(first)
    odd = tmp_path / "odd.parquet"
    write_table(table, odd, table.attrs | {"simulated": "true"})
    if isinstance(job.input[0], list):
        job.input[0][0] = odd
    else:
        job.input.baseline = odd
    with pytest.raises(SystemExit) as exit:
        job.run()
    assert exit.value.code == 2
    assert "must not be mixed" in job.log.read_text()
    assert not list((tmp_path / "out").glob("*.p[dn][fg]"))


@pytest.mark.parametrize("name", ["2", "3"])
def test_missing_coefficient_is_told_and_leaves_no_figure(name, tables, tmp_path):
    job = Job(name, tables, tmp_path)
    write_csv(inputs.pearson().query("quantity != 'mass'"), tmp_path / "pearson.csv")
    job.input.pearson = tmp_path / "pearson.csv"
    with pytest.raises(SystemExit) as exit:
        job.run()
    assert exit.value.code == 2
    assert "mass" in job.log.read_text()
    assert not list(tmp_path.glob("*.p[dn][fg]"))


@figures
@pytest.mark.parametrize("simulated", [True, False])
def test_caption_is_valid_and_tells_simulated_data(name, simulated, tables, tmp_path):
    job = Job(name, tables, tmp_path)
    job.config["simulated"] = simulated
    template = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(
        (ROOT / f"workflow/report/{RULES[name]}.rst").read_text()
    )
    html = docutils.core.publish_parts(
        template.render(snakemake=job), writer="html", settings_overrides={"halt_level": 2}
    )["body"]
    assert ("simulated" in html) == simulated
    assert ("Bossini" in html) == (name in "456" and not simulated)
