"""Posteriors of all stars of some samples, asked for in several ways: tables of scores are made from them."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stelnet.evaluation.scores import CARRIED_COLUMNS

#: What is taken as the metallicity: the catalogue's, where it has one, else the neighbourhood's; that of the
#: Sun, which the labels of some catalogues assume; or the neighbourhood's for all.
METALLICITIES = ("catalogue", "solar", "neighbourhood")


def answers(
    stars: Mapping[str, pd.DataFrame],
    predict: Callable[..., Mapping[str, NDArray[np.generic]]],
    age_priors: Iterable[str],
    floor: tuple[float, float],
) -> pd.DataFrame:
    """Return one row for each star and each way of asking.

    Parameters
    ----------
    stars
        Key of the catalogue or cluster -> its standard star table, all of one stage.
    predict
        :meth:`stelnet.inference.model.Model.predict` of a model that can use [Fe/H].
    age_priors
        Priors of the age, as `predict` takes them.
    floor
        Systematic errors of log Teff and log L [dex].

    Returns
    -------
    ``sample``, the carried columns, ``age_prior``, ``metallicity`` (one of :data:`METALLICITIES`),
    ``stage_given`` and the columns of the prediction.
    """
    tables = []
    for sample, table in stars.items():
        (stage,) = table["stage"].unique() if len(table) else ("post",)
        inputs = [table[name].to_numpy() for name in ("log_teff", "log_lum", "e_log_teff", "e_log_lum")]
        own = {
            "catalogue": table["feh"].to_numpy(float),
            "solar": np.zeros(len(table)),
            "neighbourhood": np.full(len(table), np.nan),
        }
        for prior in age_priors:
            for metallicity in METALLICITIES:
                for given in (False, True):
                    predicted = predict(
                        *inputs,
                        feh=own[metallicity],
                        age_prior=prior,
                        floor=floor,
                        stage=stage if given else None,
                    )
                    columns = {"sample": sample} | {name: table[name] for name in CARRIED_COLUMNS}
                    asked = {"age_prior": prior, "metallicity": metallicity, "stage_given": given}
                    tables.append(pd.DataFrame(columns | asked | dict(predicted), index=table.index))
    return pd.concat(tables, ignore_index=True)
