"""A simulated star list: stars of all masses, before and after the ZAMS, as a user might bring them."""

import numpy as np
import pandas as pd

from stelnet.seeds import generator
from stelnet.simulation.tracks import evolution

#: Masses [Msun], and equivalent evolutionary points: from contraction to the base of the giant branch.
MASSES, EEPS = (0.4, 6.0), (120, 460)
#: Shares of stars without a luminosity, and without errors.
NO_LUMINOSITY, NO_ERRORS = 0.02, 0.05


def star_list(count: int, seed: int, name: str) -> pd.DataFrame:
    """Return simulated stars: star_id, teff and e_teff [K], lum and e_lum [Lsun], some with gaps.

    Parameters
    ----------
    count
        Number of stars.
    seed, name
        Base seed and name of the list; both shape it.
    """
    rng = generator(seed, "star list", name)
    low, high = np.log10(MASSES)
    stars = evolution(10 ** (low + (high - low) * rng.random(count) ** 2), rng.uniform(*EEPS, count))
    e_teff, e_lum = rng.uniform(0.01, 0.03, count), rng.uniform(0.01, 0.1, count)
    teff = 10**stars.log_teff * (1 + e_teff * rng.normal(size=count))
    lum = 10**stars.log_lum * np.exp(e_lum * rng.normal(size=count))
    table = pd.DataFrame(
        {
            "star_id": [f"simulated {i}" for i in range(1, count + 1)],
            "teff": teff.round(1),
            "e_teff": (e_teff * teff).round(1),
            "lum": lum,
            "e_lum": e_lum * lum,
        }
    )
    table.loc[rng.random(count) < NO_LUMINOSITY, ["lum", "e_lum"]] = np.nan
    table.loc[rng.random(count) < NO_ERRORS, ["e_teff", "e_lum"]] = np.nan
    return table
