"""The model card: everything that a user should know of the packaged models, for machines and for readers.

:func:`card` gathers it, :func:`markdown` writes it out; every number of the text is one of the card's.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from safetensors import safe_open
from tabulate import tabulate

from stelnet.cards.scores import DECIMALS, INTERVALS, assignment, scores
from stelnet.errors import DataError
from stelnet.evaluation.tables import markdown_text
from stelnet.files import sha256_file
from stelnet.inference.packaged import preferred
from stelnet.terms import MISSING, STAGES

#: The quantities whose ranges show where a sample or the tracks lie, and what readers call them.
RANGES = {"log_teff": "log Teff", "log_lum": "log L", "log_age": "log age", "log_mass": "log mass"}
#: An interval that covers a smaller part of what it promises is listed as a failure.
FAIR = 0.8
#: What a network that serves both stages is for.
BOTH = "pre and post"
#: The model that learnt from real stars, too.
ADAPTED = "transfer"
#: Keys of the configuration that say how the models learnt.
TRAINED_BY = ("seed", "training.", "transfer.", "posterior.", "mist.")


@dataclass(frozen=True)
class Evidence:
    """What the card is made of.

    Attributes
    ----------
    models
        Name -> the model and its file.
    stars
        Catalogue or cluster -> its standard star table.
    drawn
        Stage -> the sample that its transfer networks learnt from, see :mod:`stelnet.training.sample`.
    points
        Stage -> all its MIST points.
    mist_error
        Rows of tables/mist_error.csv.
    """

    models: Mapping[str, tuple[Any, str | Path]]
    stars: Mapping[str, pd.DataFrame]
    drawn: Mapping[str, pd.DataFrame]
    points: Mapping[str, pd.DataFrame]
    mist_error: pd.DataFrame


def card(
    evidence: Evidence,
    samples: Mapping[str, Mapping[str, Any]],
    mist: Mapping[str, Any],
    config: Mapping[str, Any],
    citation: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the card: JSON values only, the same for the same evidence.

    Parameters
    ----------
    samples
        Catalogue or cluster -> its label and its datasets, each with title, version and citations.
    mist
        Title, version and citations of the tracks.
    config
        Dotted key -> value of all that shaped the models.
    citation
        Content of CITATION.cff.
    """
    drawn = pd.concat(evidence.drawn, names=["stage"]).reset_index("stage")
    simulated = {model.simulated for model, _ in evidence.models.values()}
    if len(simulated) > 1:
        raise DataError("Simulated and real models must not share a card; make them again.")
    models, rows, taken = {}, [], []
    for name, (model, path) in evidence.models.items():
        seen = drawn if name == ADAPTED else drawn[:0]
        models[name] = _model(Path(path), model.metadata.get("variant", ""))
        models[name]["trained_on"] = (
            {BOTH: {"MIST, draws of": model.metadata["training"]["posterior.stars"]}}
            if model.metallicities
            else {
                stage: counts(seen[seen["stage"] == stage]) or {"MIST": _learnt(points)}
                for stage, points in evidence.points.items()
            }
        )
        for sample, stars in evidence.stars.items():
            own = set(seen.loc[seen["sample"] == sample, "star_id"])
            keys = {"model": name, "sample": sample}
            rows += [keys | row for row in scores(model, stars, own)]
            taken.append(keys | assignment(model, stars))
    errors = evidence.mist_error.query("source == 'this_work'")
    return {
        "simulated": simulated.pop(),
        "default": preferred(models),
        "models": models,
        "mist": dict(mist),
        "domain": {stage: _domain_of(points) for stage, points in evidence.points.items()},
        "samples": {
            name: {
                **samples[name],
                "stage": stars["stage"].iloc[0],
                "n": len(stars),
                "drawn": int((drawn["sample"] == name).sum()),
                **ranges(stars),
            }
            for name, stars in evidence.stars.items()
        },
        "training": {key: config[key] for key in config if key.startswith(TRAINED_BY)},
        "scores": rows,
        "assignment": taken,
        "mist_error": [
            {key: round(value, DECIMALS) if isinstance(value, float) else value for key, value in row.items()}
            for row in errors[["stage", "split", "quantity", "n", "mae", "median_abs"]].to_dict("records")
        ],
        "licence": citation["license"],
        "citation": [
            f"{citation['title']}, version {citation['version']}",
            *map(_work, citation["references"]),
        ],
    }


def networks(path: str | Path) -> dict[str, dict[str, Any]]:
    """Return for each stage of a model's file its number of networks and the units of their layers.

    The posterior network is one for both.
    """
    with safe_open(path, "np") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    if "first" in shapes:
        (inputs, width), (depth, *_), (_, outputs) = (shapes[name] for name in ("first", "hidden", "last"))
        return {BOTH: {"networks": 1, "layers": [inputs, *[width] * (depth + 1), outputs]}}
    found = {}
    for stage in STAGES:
        layers = sum(name.startswith(f"{stage}/layers.") for name in shapes) // 2
        weights = [shapes[f"{stage}/layers.{i}.weight"] for i in range(layers)]
        units = [weights[0][2], *(n_out for _, n_out, _ in weights)]
        found[stage] = {"networks": weights[0][0], "layers": units}
    return found


def ranges(table: pd.DataFrame) -> dict[str, list[float]]:
    """Return the lowest and highest value of each of :data:`RANGES`."""
    return {
        name: [round(float(table[name].min()), DECIMALS), round(float(table[name].max()), DECIMALS)]
        for name in RANGES
    }


def counts(sample: pd.DataFrame) -> dict[str, int]:
    """Return how many points of a transfer sample come from where, in its order."""
    return dict(Counter(sample["sample"]))


def _model(path: Path, variant: str) -> dict[str, Any]:
    return {
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": sha256_file(path),
        "variant": variant,
        "stages": networks(path),
    }


def _learnt(points: pd.DataFrame) -> int:
    return int((~points["test_rows"]).sum())


def _domain_of(points: pd.DataFrame) -> dict[str, Any]:
    tracks = int(points["initial_mass"].nunique())
    return {"tracks": tracks, "points": len(points), "learnt": _learnt(points), **ranges(points)}


def _work(reference: Mapping[str, Any]) -> str:
    names = ", ".join(author["family-names"] for author in reference["authors"])
    where = [reference.get(key) for key in ("journal", "volume", "start")]
    doi = reference.get("doi")
    parts = [f"{names}: {reference['title']}", " ".join(str(part) for part in where if part)]
    return ", ".join(filter(None, [*parts, str(reference.get("year", "")), doi and f"https://doi.org/{doi}"]))


# --- for readers ---------------------------------------------------------------------------------------


def markdown(card: Mapping[str, Any]) -> str:
    """Return the card, as read from its file, as Markdown; its text is templates/model_card.md.j2."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("stelnet.cards"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"table": _table, "covered": _covered}
    samples = {
        name: {**sample, "label": markdown_text(sample["label"])} for name, sample in card["samples"].items()
    }
    card = {**card, "samples": samples}
    cited = [card["mist"], *(one for sample in card["samples"].values() for one in sample["datasets"])]
    papers = {paper["cite"]: paper for dataset in cited for paper in dataset["citations"]}
    names = sorted(card["models"], key=lambda name: name != card["default"])
    return environment.get_template("model_card.md.j2").render(
        **card,
        names=names,
        stages=STAGES,
        tables={
            "models": [_model_row(card, name) for name in names],
            # JSON sorts them by name, the scores are in the order of the configuration
            "data": [
                _data_row(card["samples"][name])
                for name in dict.fromkeys(row["sample"] for row in card["scores"])
            ],
            "training": [{"setting": f"`{key}`", "value": value} for key, value in card["training"].items()],
            "domain": [{"stage": stage, **_spans(card["domain"][stage])} for stage in STAGES],
            "scores": {
                name: [_score_row(card, row) for row in card["scores"] if row["model"] == name]
                for name in names
            },
            "assignment": [_assignment_row(card, row) for row in card["assignment"]],
            "tests": [
                _test_row(card, names, row)
                for row in card["scores"]
                if row["model"] == card["default"] and not card["samples"][row["sample"]]["drawn"]
            ],
            "mist_error": [_error_row(row) for row in card["mist_error"]],
        },
        failures=[rows for name in names for rows in _by_stage_given(card, name) if any(map(_fails, rows))],
        papers=[papers[cite] for cite in sorted(papers)],
        adapted=ADAPTED,
        fair=FAIR,
    )


def _table(rows: Iterable[Mapping[str, Any]]) -> str:
    return tabulate([*rows], headers="keys", tablefmt="github", disable_numparse=True)


def _model_row(card: Mapping[str, Any], name: str) -> dict[str, Any]:
    model = card["models"][name]
    # JSON sorts them by name
    shown = [stage for stage in (*STAGES, BOTH) if stage in model["stages"]]
    shapes = dict.fromkeys("-".join(map(str, stage["layers"])) for stage in model["stages"].values())
    return {
        "model": f"`{name}`" + " (default)" * (name == card["default"]),
        "networks": " + ".join(f"{model['stages'][stage]['networks']} {stage}" for stage in shown),
        "layers": ", ".join(shapes),
        "catalogues": model["variant"] or MISSING,
        "MB": f"{model['bytes'] / 1e6:.1f}",
        "SHA-256": f"`{model['sha256']}`",
    }


def _data_row(sample: Mapping[str, Any]) -> dict[str, Any]:
    cited = [paper["cite"] for dataset in sample["datasets"] for paper in dataset["citations"]]
    return {
        "sample": sample["label"],
        "stage": sample["stage"],
        "stars": sample["n"],
        "drawn": sample["drawn"],
        **_spans(sample),
        "from": ", ".join(dict.fromkeys(cited)),
    }


def _score_row(card: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sample": card["samples"][row["sample"]]["label"],
        "log": row["quantity"],
        "given": "yes" if row["stage_given"] else "no",
        "n": row["n"],
        "r": _number(row.get("r"), ".3f"),
        "MAE": _number(row.get("mae"), ".3f"),
        "bias": _number(row.get("bias"), "+.3f"),
        "±": _number(row.get("width"), ".3f"),
        **{f"{percent} %": _covered(row, percent) for percent in INTERVALS},
        "drawn": row["n_drawn"],
    }


def _assignment_row(card: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    sample = card["samples"][row["sample"]]
    flags = ", ".join(f"{name} {n}" for name, n in row["flags"].items())
    shown = {"model": row["model"], "sample": sample["label"], "stage": sample["stage"]}
    return shown | {"probability": f"{row['p_stage']:.2f}", "flags (stars)": flags or MISSING}


def _error_row(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {"stage": row["stage"], "held out": row["split"], "log": row["quantity"], "n": row["n"]}
    return shown | {"mean": _number(row["mae"], ".4f"), "median": _number(row["median_abs"], ".4f")}


def _spans(one: Mapping[str, Any]) -> dict[str, str]:
    return {shown: f"{one[name][0]:.2f} to {one[name][1]:.2f}" for name, shown in RANGES.items()}


def _number(value: float | None, form: str) -> str:
    return MISSING if value is None else f"{value:{form}}"


def _by_stage_given(card: Mapping[str, Any], name: str) -> list[list[Mapping[str, Any]]]:
    """Return for each sample and quantity the scores of a model without and with the stage given."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in card["scores"]:
        if row["model"] == name:
            groups.setdefault((row["sample"], row["quantity"]), []).append(row)
    return list(groups.values())


def _test_row(card: Mapping[str, Any], names: list[str], row: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("sample", "quantity", "stage_given")
    same = {one["model"]: one for one in card["scores"] if all(one[key] == row[key] for key in keys)}
    shown = _score_row(card, row)
    offs = {
        f"`{name}`: {key}": _score_row(card, same[name])[key] for name in names for key in ("bias", "MAE")
    }
    return {key: shown[key] for key in ("sample", "log", "given", "n")} | offs


def _fails(row: Mapping[str, Any]) -> bool:
    return any(row.get(f"coverage_{percent}", 1) < FAIR * percent / 100 for percent in INTERVALS)


def _covered(row: Mapping[str, Any], percent: int) -> str:
    name = f"coverage_{percent}"
    return f"{row[name]:.3f} ± {row[f'e_{name}']:.3f}" if name in row else MISSING
