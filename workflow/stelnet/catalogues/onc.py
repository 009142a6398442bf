"""Young stars of the Orion Nebula Cluster.

The paper cites Hillenbrand (1997). Names and number of rows of the assembled table are those of the COUP
catalogue (Getman et al. 2005, J/ApJS/160/319), and most masses differ from Hillenbrand's. It has no errors.
"""

from collections.abc import Mapping

import numpy as np

from stelnet.catalogues._common import RawFile, Rows, mass, number, text

TABLE = {
    "Name": text(),
    "logTeff": number(3, 5.5, "dex(K)", empty=True),
    "logLum": number(-5, 7.5, "dex(Lsun)", empty=True),
    "logAge": number(1, 10.2, "dex(yr)", empty=True),
    "Mass": mass(empty=True),
}

#: Log age/yr below which an age is implausible: the two that are lie at 2.72 and 3.99, all others above 4.1.
MIN_LOG_AGE = 4.0


def read_catalogue(files: Mapping[str, RawFile], *, variant: str, **_: object) -> Rows:
    """Read the catalogue: role `table`."""
    table = files["table"].read(TABLE)
    rows = Rows(table, "COUP J" + table["Name"])
    rows.drop_incomplete({"logTeff": "temperature", "logLum": "luminosity", "logAge": "age", "Mass": "mass"})
    if variant == "corrected":
        drop_implausible_ages(rows)
    stars = rows.table
    stars["log_teff"], stars["log_lum"], stars["log_age"] = stars["logTeff"], stars["logLum"], stars["logAge"]
    stars["log_mass"] = np.log10(stars["Mass"])
    return rows


def drop_implausible_ages(rows: Rows) -> None:
    """Leave out the stars that would be younger than 10^4 yr, less than a star takes to form."""
    age = rows.table["logAge"]
    reason = age.map(f"implausible age: log age {{:g}} is below {MIN_LOG_AGE:g}".format)
    rows.drop(age < MIN_LOG_AGE, reason)
