"""A small made-up run, for tests of records and audits: a download, a table and a figure."""

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import yaml

from stelnet import configuration
from stelnet.audit.audit import Audit
from stelnet.audit.findings import Verdict
from stelnet.data.acquisition import write_source
from stelnet.files import write_json
from stelnet.provenance import records

FIGURE, TABLE, RAW = "figures/fig1.png", "tables/stars.csv", "data/mine/raw.csv"
SIDECAR = f"{RAW}.source.json"
CONFIG = {"seed": 1, "training": {"learning_rate": 0.003, "epochs": {"pre": 6}}, "variants": ["a", "b"]}
DATASET = {
    "title": "My stars", "version": "v1",
    "citations": [{"cite": "Me 2020", "bibcode": None, "doi": "10.1/me"}],
    "files": [{"name": "raw.csv", "mirror": "mine/raw.csv", "url": None, "sha256": None}],
}  # fmt: skip


class Run:
    """A repository with three scripts, the results of a run of theirs, and the mirror that it drew from."""

    dirty = False

    def __init__(self, root: Path, monkeypatch) -> None:
        self.root, self.out, self.mirror = root / "repo", root / "repo/results", root / "mirror"
        self._monkeypatch = monkeypatch
        files = {
            "repo/Snakefile": "",
            "repo/workflow/stelnet/__init__.py": "",
            "repo/config.yaml": yaml.safe_dump(CONFIG),
            "repo/resources/datasets.yaml": yaml.safe_dump({"mine": DATASET}),
            "repo/resources/paper.yaml": "printed: 1\n",
            **{f"repo/workflow/scripts/{name}.py": f"# {name}\n" for name in ("fetch", "stars", "figure1")},
            "mirror/mine/raw.csv": "star\n",
        }
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        monkeypatch.setattr(records, "ROOT", self.root)
        records.registry.cache_clear()
        monkeypatch.chdir(self.root)
        self.fetch()
        self.table()
        self.figure("fig1")

    def job(
        self, rule: str, script: str, inputs: list[str], outputs: dict[str, str | None], *keys: str
    ) -> None:
        """Make outputs as a job does (None: they are there); ``{record}`` becomes what figures carry."""
        run = {
            "commit": "c0ffee",
            "dirty": self.dirty,
            "repository": None,
            "configuration": {"files": ["config.yaml"], "overrides": {}},
            "environment": {"prefix": sys.prefix, "packages": {}, "lock": {}, "differences": {}},
        }
        self._monkeypatch.setenv(records.RUN, json.dumps(run))
        config = yaml.safe_load((self.root / "config.yaml").read_text())
        params = {"config": {"keys": list(keys), "values": configuration.select(config, keys)}, "seed": 1}
        snakemake = SimpleNamespace(
            config={"output_dir": "results"}, rule=rule, params=params, wildcards={}, threads=1,
            input=inputs, output=[f"results/{name}" for name in outputs],
        )  # fmt: skip
        job = records.Job(snakemake, self.root / f"workflow/scripts/{script}.py")
        for name, text in outputs.items():
            (self.out / name).parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                (self.out / name).write_text(text.format(record=job.identity(self.out / name)))
        job.write()

    def fetch(self) -> None:
        raw = self.out / RAW
        raw.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.mirror / "mine/raw.csv", raw)
        write_source(raw, "mine", via="mirror", address="mine/raw.csv")
        self.job("fetch", "fetch", [], {RAW: raw.read_text(), SIDECAR: None})

    def table(self) -> None:
        self.job("stars", "stars", [f"results/{RAW}"], {TABLE: "mass\n1.0\n"}, "seed", "training.*")

    def figure(self, name: str) -> None:
        inputs = [f"results/{TABLE}", "resources/paper.yaml"]
        self.job("figure1", "figure1", inputs, {f"figures/{name}.png": f"{name} {{record}}"}, "variants")

    def audit(self, name: str = FIGURE, **settings) -> tuple[Verdict, str]:
        """The verdict on a file, and the causes in one text."""
        finding = Audit(self.out, self.root, **settings).of(self.out / name)
        return finding.verdict, "; ".join(f"{cause.path}: {cause.message}" for cause in finding.causes)

    def set(self, **values) -> None:
        (self.root / "config.yaml").write_text(yaml.safe_dump(configuration.resolve([], CONFIG) | values))


def edit_record(run: Run, name: str, change) -> dict:
    path = records.record_path(run.out, name)
    record = json.loads(path.read_text())
    change(record)
    write_json(record, path)
    return record
