"""A bundled run is a valid crate and can be audited where it is unpacked; the page of a run shows all."""

import importlib.resources
import json
import os
import re
import subprocess
import zipfile
from html.parser import HTMLParser

import pytest
import requests
from conftest import Checkout
from requests.adapters import HTTPAdapter

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
RESULTS = "results/demo"


def commit(folder) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "All"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


@pytest.fixture
def context(monkeypatch):
    """No network, but the context of RO-Crate 1.1, made of the one of 1.3 that rocrate ships."""
    text = importlib.resources.files("rocrate").joinpath("data/ro-crate.jsonld").read_text("utf-8")
    text = text.replace("https://bioschemas.org/terms/", "https://bioschemas.org/")

    def send(self, request, **settings):
        if request.url.rstrip("/") != CONTEXT:
            raise requests.ConnectionError(f"no network: {request.url}")
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url, request
        response._content = text.encode()
        response.headers["Content-Type"] = "application/ld+json"
        return response

    monkeypatch.setattr(HTTPAdapter, "send", send)


def test_archive_is_a_valid_crate_and_can_be_audited(checkout, tmp_path, context):
    from rocrate_validator import models, services

    commit(checkout.folder)
    target = tmp_path / "bundle.zip"
    checkout.stelnet("archive", target, "--results", RESULTS)
    unpacked = tmp_path / "unpacked"
    zipfile.ZipFile(target).extractall(unpacked)

    settings = models.ValidationSettings(
        rocrate_uri=models.URI(str(unpacked)),
        profile_identifier="workflow-run-crate-0.5",
        requirement_severity=models.Severity.REQUIRED,
        no_cache=True,
        skip_availability_check=True,
    )
    result = services.validate(settings)
    assert result.passed(), [(issue.check.identifier, issue.message) for issue in result.get_issues()]
    entities = json.loads((unpacked / "ro-crate-metadata.json").read_text())["@graph"]
    actions = [entity for entity in entities if entity["@type"] == "CreateAction"]
    assert {"Run of the workflow", "figure1 figures"} <= {action["name"] for action in actions}

    copy = Checkout(unpacked)
    audit = copy.stelnet("audit", "--all", "--json", "--results", RESULTS)
    assert len(json.loads(audit.stdout)) > 100
    script = unpacked / "workflow/scripts/figure1.py"
    script.write_text(script.read_text() + "\n")
    assert copy.stelnet("audit", f"{RESULTS}/figures/fig1.pdf", check=False).returncode == 1


def test_archive_needs_committed_code(checkout, tmp_path):
    arguments = ("archive", str(tmp_path / "bundle.zip"), "--results", RESULTS)
    assert "not a git repository" in checkout.stelnet(*arguments, check=False).stderr
    commit(checkout.folder)
    (checkout.folder / "config.yaml").open("a").write("\n")
    made = checkout.stelnet(*arguments, check=False)
    assert made.returncode == 2
    assert "config.yaml" in made.stderr
    assert not (tmp_path / "bundle.zip").exists()


class Page(HTMLParser):
    """What a page refers to, and the names of its articles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.images: list[str] = []
        self.articles: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "a":
            self.links.append(attributes["href"])
        elif tag == "img":
            self.images.append(attributes["src"])
        elif tag == "article":
            self.articles.append(attributes["id"])
        assert tag not in ("link", "iframe")


def test_page_shows_every_figure_and_table_and_needs_nothing_else(demo):
    results = demo.folder / RESULTS
    text = (results / "index.html").read_text()
    page = Page(text)
    shown = [path.relative_to(results) for path in results.glob("figures/**/*.png")]
    shown += [path.relative_to(results) for path in results.glob("tables/*.csv")]
    assert sorted(page.articles) == sorted(str(path).replace(os.sep, "-") for path in shown)
    assert len(page.images) == len([path for path in shown if path.suffix == ".png"])
    assert all(image.startswith("data:image/png;base64,") for image in page.images)
    for link in page.links:
        assert link.startswith("https://doi.org/") or (results / link).is_file(), link
    assert "All of this is simulated" in text
    assert not re.search(r"\b(unknown|stale|altered)</span>", text)
    assert "{{" not in text


def test_page_tells_what_made_a_figure(demo):
    text = (demo.folder / RESULTS / "index.html").read_text()
    figure = text[text.index('id="figures-fig2.png"') :]
    figure = figure[: figure.index("</article>")]
    for part in (
        "workflow/scripts/figure_of_stage.py",
        "https://doi.org/10.1088/0004-637X/804/2/146",
        "catalogues.FGK.label",
        f"snakemake --cores 2 --configfile resources/demo/config.yaml --force {RESULTS}/figures/fig2.png",
        "Pearson coefficient",
        "verified",
    ):
        assert part in figure, part
