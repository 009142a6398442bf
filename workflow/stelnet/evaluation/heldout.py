"""Scores on stars that were not seen, for every method alike: forecasts of each star, and their summary."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from stelnet.arrays import Bools, Floats, Ints
from stelnet.evaluation.folds import IN_SAMPLE, OTHER_CATALOGUES, PROTOCOLS, UNSEEN, splits, star_groups
from stelnet.evaluation.metrics import QUANTILE_COLUMNS, change, crps_of_draws, crps_of_normal, score
from stelnet.inference.correction import Correction, Residuals
from stelnet.inference.inputs import DEFAULT_ERRORS
from stelnet.inference.observed import AgePrior, Answer, Observed
from stelnet.terms import QUANTITIES, STAGES

#: Columns of a table of forecasts; see :func:`as_rows`.
FORECAST_KEYS = ("method", "variant", "protocol", "catalogue", "stage", "quantity")
DATA_LIMITS = ("data_lo68", "data_hi68", "data_lo95", "data_hi95")
#: Columns of the table of scores.
SCORE_COLUMNS = (*FORECAST_KEYS, "metric", "value", "lo", "hi", "n")
#: Catalogue of the rows of all catalogues of a stage.
POOLED = "all"
#: What a method with the correction is called.
CORRECTED = "{}+correction"
#: Draws of each star.
DRAWS = 512


class Variant(NamedTuple):
    """What a method is told: ``str()`` gives the column `variant`.

    Attributes
    ----------
    feh
        ``labels``: the metallicity that a catalogue's labels rest on, measured or solar; ``solar``;
        ``unknown``: that of the solar neighbourhood.
    stage
        ``given`` or ``open``.
    prior
        ``field`` or ``log``, the prior of age; ``none`` for ensembles of networks.
    """

    feh: str
    stage: str
    prior: str

    def __str__(self) -> str:
        return "-".join(self)


#: Residuals of this variant teach the correction.
TEACHING = Variant("labels", "given", "field")
#: Of catalogues, of the stars among them with a measured [Fe/H], and of clusters.
VARIANTS = (TEACHING, Variant("labels", "open", "field"), Variant("unknown", "given", "field"))
MEASURED_VARIANTS = (Variant("solar", "given", "field"),)
CLUSTER_VARIANTS = tuple(
    Variant("labels", stage, prior) for stage in ("given", "open") for prior in ("field", "log")
)
#: Variant of ensembles of networks, which know neither metallicity nor prior.
NETWORKS = Variant("solar", "given", "none")


#: Rows of stars, their answers, draws, and whether a draw is before the ZAMS.
Answered = tuple[Ints, Answer, Floats, Bools]


class Method(Protocol):
    """A posterior: exact or of the network."""

    def answer(self, stars: Observed, prior: AgePrior, stage: str | None = None) -> Answer: ...

    def draws(
        self, stars: Observed, prior: AgePrior, count: int, seed: int, *, stage: str | None = None
    ) -> tuple[Floats, Bools]: ...


@dataclass(frozen=True)
class Stars:
    """Stars of catalogues and clusters that are scored.

    Attributes
    ----------
    table
        Rows of standard star tables.
    known
        Whether a row (n,) is of a catalogue, of which methods may learn; the others are of clusters.
    """

    table: pd.DataFrame
    known: Bools

    @classmethod
    def of(cls, catalogues: Sequence[pd.DataFrame], clusters: Sequence[pd.DataFrame]) -> "Stars":
        table = pd.concat([*catalogues, *clusters], ignore_index=True)
        return cls(table, np.arange(len(table)) < sum(map(len, catalogues)))

    def observed(self, rows: Ints, feh: str) -> Observed:
        """Return measurements of some rows, default errors where there is none, and [Fe/H] of a variant."""
        table = self.table.iloc[rows]
        errors = {name: table[f"e_{name}"].fillna(DEFAULT_ERRORS[name]).to_numpy() for name in DEFAULT_ERRORS}
        metals: dict[str, Floats | float | None] = {
            "labels": table["feh"].to_numpy(),
            "solar": 0.0,
            "unknown": None,
        }
        return Observed.of(
            table["log_teff"].to_numpy(),
            table["log_lum"].to_numpy(),
            errors["log_teff"],
            errors["log_lum"],
            metals[feh],
        )


def labels_of(table: pd.DataFrame) -> Floats:
    """Return the labels (2, n): log age and log mass."""
    found: Floats = table[[f"log_{q}" for q in QUANTITIES]].to_numpy(float).T
    return found


def label_variance(table: pd.DataFrame) -> Floats:
    """Return variances (2, n) of the labels: the mean of both sides, 0 where there is no error."""
    sides = np.array([[table[f"e_log_{q}_{side}"] for side in ("lo", "hi")] for q in QUANTITIES], float)
    known = np.isfinite(sides)
    found: Floats = (np.where(known, sides, 0) ** 2).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return found


def as_rows(
    table: pd.DataFrame,
    posteriors: Mapping[str, Floats],
    method: str,
    variant: Variant,
    protocol: str,
    answer: Answer | None = None,
) -> pd.DataFrame:
    """Return forecasts, one row for each star and quantity.

    Parameters
    ----------
    table
        Rows of standard star tables, n of them.
    posteriors
        Result of :func:`of_draws` or :func:`of_normals`.
    answer
        Where the limits from the data alone and the information on age come from.

    Returns
    -------
    :data:`FORECAST_KEYS`; star_id, log_teff, log_lum, label, e_lo, e_hi (its errors); mean, sd and
    :data:`~stelnet.evaluation.metrics.QUANTILE_COLUMNS` of the posterior, its crps; of ages
    :data:`DATA_LIMITS` and information; p_pre.
    """
    parts = []
    for i, quantity in enumerate(QUANTITIES):
        rows = table[["catalogue", "stage", "star_id", "log_teff", "log_lum"]].assign(
            method=method,
            variant=str(variant),
            protocol=protocol,
            quantity=quantity,
            label=table[f"log_{quantity}"],
            e_lo=table[f"e_log_{quantity}_lo"],
            e_hi=table[f"e_log_{quantity}_hi"],
            **{name: values[i] for name, values in posteriors.items()},
        )
        of_age = answer if quantity == "age" else None
        limits = np.full((4, len(table)), np.nan) if of_age is None else of_age.log_age_data
        rows = rows.assign(**dict(zip(DATA_LIMITS, limits, strict=True)))
        rows["information"] = np.nan if of_age is None else of_age.age_information
        rows["p_pre"] = answer.p_pre if answer is not None else np.nan
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def of_draws(drawn: Floats, labels: Floats) -> dict[str, Floats]:
    """Return mean, sd, quantiles and CRPS, each (2, n), of draws (2, n, count) against labels (2, n)."""
    ordered = np.sort(drawn, axis=2).astype(float)
    at = np.array(list(QUANTILE_COLUMNS.values())) * (drawn.shape[2] - 1)
    below, part = at.astype(int), (at % 1)
    levels = ordered[:, :, below] * (1 - part) + ordered[:, :, below + 1] * part
    return {
        "mean": ordered.mean(axis=2),
        "sd": ordered.std(axis=2),
        **dict(zip(QUANTILE_COLUMNS, np.moveaxis(levels, 2, 0), strict=True)),
        "crps": crps_of_draws(ordered, labels),
    }


def of_normals(mean: Floats, sd: Floats, labels: Floats) -> dict[str, Floats]:
    """Return the same of normal distributions of mean and sd (2, n)."""
    from scipy.stats import norm

    levels = {name: mean + norm.ppf(level) * sd for name, level in QUANTILE_COLUMNS.items()}
    return {"mean": mean, "sd": sd, **levels, "crps": crps_of_normal(mean, sd, labels)}


def of_ensemble(members: Floats, labels: Floats) -> dict[str, Floats]:
    """Return the same of what networks predict (networks, n, 2), a normal distribution as in the paper."""
    return of_normals(members.mean(axis=0).T, members.std(axis=0).T, labels)


def asked(stars: Stars) -> Iterator[tuple[Variant, str, Ints]]:
    """Yield variant, stage and rows of the stars that are scored in it."""
    stage = stars.table["stage"].to_numpy()
    measured = (stars.table["feh_source"] == "measured").to_numpy()
    for variant in dict.fromkeys((*VARIANTS, *MEASURED_VARIANTS, *CLUSTER_VARIANTS)):
        which = stars.known & (variant in VARIANTS)
        which |= stars.known & measured & (variant in MEASURED_VARIANTS)
        which |= ~stars.known & (variant in CLUSTER_VARIANTS)
        for name in STAGES:
            rows = np.flatnonzero(which & (stage == name))
            if len(rows):
                yield variant, name, rows


def posterior_forecasts(
    method: Method, name: str, stars: Stars, seed: int
) -> tuple[pd.DataFrame, Correction]:
    """Return forecasts of a posterior as it is and with corrections, and the correction of all catalogues.

    That one serves the clusters; stars of catalogues get what each split teaches.
    """
    found: dict[tuple[Variant, str], Answered] = {}
    tables = []
    for variant, stage, rows in asked(stars):
        observed = stars.observed(rows, variant.feh)
        prior, given = AgePrior.parse(variant.prior), stage if variant.stage == "given" else None
        answer = method.answer(observed, prior, given)
        drawn, pre = method.draws(observed, prior, DRAWS, seed, stage=given)
        found[variant, stage] = rows, answer, drawn, pre
        table = stars.table.iloc[rows]
        tables.append(as_rows(table, of_draws(drawn[:2], labels_of(table)), name, variant, UNSEEN, answer))
    whole, parts = corrections(stars, found, seed)
    for (variant, _), (rows, answer, drawn, pre) in found.items():
        for protocol, scored, correction in [(UNSEEN, ~stars.known, whole), *parts]:
            at = np.flatnonzero(scored[rows])
            if not len(at):
                continue
            table, place = stars.table.iloc[rows[at]], stars.observed(rows[at], variant.feh)
            moved = correction.shift_draws(drawn[:, at], pre[at], place.log_teff, place.log_lum)
            forecast = of_draws(moved[:2], labels_of(table))
            tables.append(
                as_rows(table, forecast, CORRECTED.format(name), variant, protocol, _part(answer, at))
            )
    return pd.concat(tables, ignore_index=True), whole


def _part(answer: Answer, rows: Ints) -> Answer:
    return Answer(
        answer.quantiles[:, :, rows],
        answer.p_pre[rows],
        answer.log_age_data[:, rows],
        answer.age_information[rows],
    )


def residuals(table: pd.DataFrame, drawn: Floats) -> Residuals:
    """Return the residuals of stars whose stage is given, from their draws (3, n, count)."""
    value = labels_of(table) - np.median(drawn[:2], axis=2)
    return Residuals(
        table["log_teff"].to_numpy(),
        table["log_lum"].to_numpy(),
        value,
        drawn[:2].astype(float).var(axis=2) + label_variance(table),
    )


def corrections(
    stars: Stars, found: Mapping[tuple[Variant, str], Answered], seed: int
) -> tuple[Correction, list[tuple[str, Bools, Correction]]]:
    """Return the correction of all catalogues, and protocol, rows to score (n,) and correction of each split.

    That of a split has the whole one of the other stage, whose stars are not scored in it.
    """
    taught, rows_of = {}, {}
    for stage in STAGES:
        if (TEACHING, stage) in found:
            rows, _, drawn, _ = found[TEACHING, stage]
            inside = stars.known[rows]
            rows_of[stage] = rows[inside]
            taught[stage] = residuals(stars.table.iloc[rows[inside]], drawn[:, inside])
    whole = Correction.fit(taught)
    parts = []
    for stage, rows in rows_of.items():
        for protocol, learnt, scored in splits(stars.table.iloc[rows], seed, stage):
            own = whole if protocol == IN_SAMPLE else Correction.fit({stage: taught[stage][learnt]})
            mask = np.zeros(len(stars.table), bool)
            mask[rows[scored]] = True
            parts.append((protocol, mask, whole.replaced(stage, own)))
    return whole, parts


def summary(forecasts: pd.DataFrame, known: Sequence[str], max_log_tau: float, seed: int) -> pd.DataFrame:
    """Return the scores of all forecasts, those of each catalogue and those of all catalogues of a stage.

    Parameters
    ----------
    forecasts
        Tables of :func:`as_rows` below one another.
    known
        Catalogues; the others are clusters, which are not pooled.
    max_log_tau
        See :func:`stelnet.evaluation.metrics.star_values`.

    Returns
    -------
    Columns :data:`SCORE_COLUMNS`. Of methods with the correction also `crps_change` and `pearson_change`
    against the same without, star by star.
    """
    stars = forecasts[["catalogue", "star_id", "stage", "log_teff", "log_lum"]].drop_duplicates()
    stars = stars.merge(
        forecasts.pivot_table(
            index=["catalogue", "star_id"], columns="quantity", values="label"
        ).reset_index()
    ).rename(columns={q: f"log_{q}" for q in QUANTITIES})
    stars["group"] = star_groups(stars.assign(ra=np.nan, dec=np.nan))
    rows = forecasts.merge(stars[["catalogue", "star_id", "group"]], on=["catalogue", "star_id"])
    pooled = rows[rows["catalogue"].isin(known)].assign(pool=POOLED)
    rows = pd.concat([rows.assign(pool=rows["catalogue"]), pooled], ignore_index=True)
    keys = ["method", "variant", "protocol", "pool", "stage", "quantity"]
    groups = {tuple(map(str, key)): table for key, table in rows.groupby(keys, sort=False)}
    found = []
    for key, table in groups.items():
        method, variant, _, pool, stage, quantity = key
        found += [(*key, *row) for row in score(table, max_log_tau, seed, pool, stage)]
        base = method.removesuffix(CORRECTED.format(""))
        if base != method:
            without = groups[base, variant, UNSEEN, pool, stage, quantity]
            found += [(*key, *row) for row in change(without, table, seed, pool, stage)]
    table = pd.DataFrame(found, columns=list(SCORE_COLUMNS))
    return table.sort_values(
        ["stage", "catalogue", "quantity", "method", "variant", "protocol"],
        key=lambda column: column.map(PROTOCOLS.index) if column.name == "protocol" else column,
        kind="stable",
        ignore_index=True,
    )


#: A correction is on by default where it lowers CRPS of catalogues that it did not see, and Pearson's r
#: by no more than this.
MOST_LOST = 0.01


def carries_over(scores: pd.DataFrame, method: str) -> list[tuple[str, str]]:
    """Return the pairs of stage and quantity in which the correction of a method wins on unseen catalogues.

    That is: taught by the other catalogues alone, it lowers CRPS, each catalogue counting alike, with an
    interval below 0, and lowers Pearson's r of all stars by at most :data:`MOST_LOST`.
    """
    table = scores[
        (scores["method"] == CORRECTED.format(method))
        & (scores["variant"] == str(TEACHING))
        & (scores["protocol"] == OTHER_CATALOGUES)
        & (scores["catalogue"] == POOLED)
    ]
    keys = zip(table["stage"], table["quantity"], table["metric"], strict=True)
    changes = dict(zip(keys, zip(table["value"], table["hi"], strict=True), strict=True))
    won = []
    for stage in STAGES:
        for quantity in QUANTITIES:
            try:
                crps, r = (changes[stage, quantity, f"{name}_change"] for name in ("crps", "pearson"))
            except KeyError:
                continue
            if crps[1] < 0 and r[0] >= -MOST_LOST:
                won.append((stage, quantity))
    return won
