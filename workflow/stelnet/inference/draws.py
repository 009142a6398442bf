"""Draws from the posteriors of stars."""

from collections.abc import Mapping

import numpy as np
from scipy.special import ndtri

from stelnet.arrays import Floats
from stelnet.inference import domain
from stelnet.inference.forward import Ensemble
from stelnet.inference.inputs import Stars
from stelnet.inference.sky import Sky, falling, normalised


def draws(
    stars: Stars,
    sky: Sky,
    ensembles: Mapping[str, Ensemble],
    count: int,
    seed: int,
    first_row: int,
) -> Floats:
    """Draw log age [dex yr] and log mass [dex Msun] jointly from the posteriors, float32 (2, n, count).

    A draw is a place drawn from the errors (again, by its weight, where the tracks do not reach that far), a
    network chosen at random, and its answer for a stage chosen by the weights. It depends on the seed and on
    the star's row alone, not on what other rows are asked for.

    Parameters
    ----------
    ensembles
        Stage -> ensemble, for the stages that are possible.
    first_row
        Number of the first of these stars among all.
    """
    shape = (len(stars), count)
    # one block of a counter-based generator a draw
    generator = np.random.Philox(key=seed)
    generator.advance(first_row * count)
    # never 0 or 1, whose normal quantiles are infinite
    uniform = ((generator.random_raw(4 * len(stars) * count) >> np.uint64(12)) + 0.5) * 2.0**-52
    first, second, third, fourth = np.moveaxis(uniform.reshape(*shape, 4), -1, 0)
    log_teff = stars.log_teff[:, None] + stars.e_log_teff[:, None] * ndtri(first)
    log_lum = stars.log_lum[:, None] + stars.e_log_lum[:, None] * ndtri(second)
    wide = np.flatnonzero(stars.wide)
    teff, lum, _ = stars[wide].spread(first[wide].T, second[wide].T, sky.raster)
    log_teff[wide], log_lum[wide] = teff.T, lum.T

    distances = {stage: sky.distances(stage, log_teff, log_lum) for stage in ensembles}
    nearest = np.minimum.reduce(list(distances.values()))
    cumulated = np.cumsum(
        normalised(falling(np.zeros((), np.float32), nearest), axis=1), axis=1, dtype=np.float64
    )
    cumulated /= cumulated[:, -1:]
    # systematic resampling, all rows in one search: no change where every place weighs the same
    rows = np.arange(len(stars))[:, None]
    steps = (np.arange(count) + 0.5) / count
    chosen = np.searchsorted((np.nan_to_num(cumulated, nan=1) + rows).ravel(), (steps + rows).ravel())
    log_teff, log_lum = log_teff.ravel()[chosen], log_lum.ravel()[chosen]

    answers, logs = [], []
    for stage, ensemble in ensembles.items():
        distance = distances[stage].ravel()[chosen]
        near = np.flatnonzero(distance < domain.FAR)
        answer = np.full((2, len(chosen)), np.nan, np.float32)
        networks = (third.ravel()[near] * len(ensemble)).astype(int)
        answer[:, near] = ensemble.drawn(log_teff[near], log_lum[near], networks)
        answers.append(answer)
        logs.append(falling(sky.weights(stage, answer[1]), distance))
    is_first = fourth.ravel() < normalised(np.stack(logs), axis=0)[0]
    return np.where(is_first, answers[0], answers[-1]).reshape(2, *shape)
