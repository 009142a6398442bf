"""Where temperature, luminosity and [Fe/H] of a list's stars come from, and what a model gets of them."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stelnet.errors import ConfigError, DataError
from stelnet.inference.inputs import DEFAULT_ERRORS, Inputs
from stelnet.inference.observed import FLOOR, NEIGHBOURHOOD
from stelnet.spelling import key
from stelnet.starlists.advice import unusable
from stelnet.starlists.base import HEAD, StarList, is_number
from stelnet.starlists.columns import Absent, Ambiguous
from stelnet.starlists.marks import mark_columns
from stelnet.starlists.names import bare
from stelnet.starlists.quantities import FEH, LUM, METALLICITY, RADIUS, TEFF
from stelnet.starlists.sources import DEFAULT_RADIUS_ERROR, Source, luminosity, source

if TYPE_CHECKING:
    import pyarrow as pa

#: What users write for [Fe/H] like that of stars near the Sun.
NEARBY = "neighbourhood"
#: What counts call luminosities that are made of radius and temperature.
FROM_RADIUS = "radius and temperature"


@dataclass(frozen=True)
class Given:
    """[Fe/H] of all stars and its error [dex], NaN where there is none."""

    feh: float
    e_feh: float

    def describe(self) -> str:
        """Return the value in words."""
        error = f" +- {self.e_feh:.2f}" if np.isfinite(self.e_feh) else f", error {FLOOR.feh:.2f} dex (floor)"
        return f"[Fe/H] given: {self.feh:.2f}{error}"


@dataclass(frozen=True)
class Columns:
    """How temperature, luminosity and [Fe/H] are read from a list.

    Attributes
    ----------
    teff
        Where the temperature comes from.
    lum, radius
        Where the luminosity comes from, and the radius of stars without one; None where there is none.
    feh
        Where [Fe/H] comes from, or one for all stars, or None where none is given.
    metallicities
        Whether [Fe/H] was asked for.
    note
        What the user should know besides.
    """

    teff: Source
    lum: Source | None
    radius: Source | None = None
    feh: Source | Given | None = None
    metallicities: bool = False
    note: str = ""

    @classmethod
    def found(
        cls,
        stars: StarList,
        teff: str = "",
        lum: str = "",
        e_teff: str = "",
        e_lum: str = "",
        feh: str = "",
        e_feh: str = "",
        metallicities: bool = False,
        radius: str = "",
        e_radius: str = "",
    ) -> "Columns":
        """Find the columns of a list, or take those named, and confirm them by its first rows.

        Parameters
        ----------
        teff, lum, e_teff, e_lum
            What the user names, see :func:`stelnet.starlists.columns.find`.
        feh
            Likewise, or a number [dex], or ``neighbourhood`` for that of the solar neighbourhood.
        e_feh
            Its error, likewise; a number where [Fe/H] is one.
        metallicities
            Whether the model can use [Fe/H].
        radius, e_radius
            Likewise: the radius, which gives the luminosity of stars without one.

        Raises
        ------
        DataError
            See :func:`stelnet.starlists.columns.find`, or no star of a short list can be used; the list is
            named.
        ConfigError
            [Fe/H] for a model that cannot use it, or an error that does not go with it.
        """
        if (feh or e_feh) and not metallicities:
            raise ConfigError("--feh: the metallicity of this model is the Sun's; take --model posterior.")
        try:
            marks = mark_columns(stars)
            temperature = source(stars, TEFF, teff, e_teff, marks)
            luminous = _luminosity(stars, lum, e_lum, radius, e_radius, marks)
            metallicity = _metallicity(stars, feh, e_feh, marks) if metallicities else None
            columns = cls(temperature, *luminous[:2], metallicity, metallicities, luminous[2])
            columns._confirm(stars)
            return columns
        except DataError as error:
            message = str(error)
            raise DataError(message if message.startswith(stars.label) else f"{stars.label}: {message}")

    @property
    def names(self) -> list[str]:
        """The columns of the list that are needed."""
        return list(dict.fromkeys(name for one in self._sources for name in one.columns))

    @property
    def _sources(self) -> list[Source]:
        return [one for one in (self.teff, self.lum, self.radius, self.feh) if isinstance(one, Source)]

    def described(self) -> dict[str, str]:
        """Return in words how each quantity is read, default errors included."""
        words = {"log_teff": self.teff.describe(f"{DEFAULT_ERRORS['log_teff']} dex (default)")}
        if self.lum:
            words["log_lum"] = self.lum.describe(f"{DEFAULT_ERRORS['log_lum']} dex (default)")
        if self.radius:
            whose = "stars without one" if self.lum else "all stars"
            radius = self.radius.describe(f"{DEFAULT_RADIUS_ERROR} dex (default)")
            words["log_radius"] = f"log_lum of {whose} from radius and temperature: {radius}"
        if self.note:
            words["note"] = self.note
        if self.metallicities:
            mean, sd = NEIGHBOURHOOD
            if isinstance(self.feh, Source):
                words["feh"] = self.feh.describe(f"{FLOOR.feh:.2f} dex (floor)")
            elif self.feh:
                words["feh"] = self.feh.describe()
            else:
                words["feh"] = f"[Fe/H] not given: solar neighbourhood, {mean:.2f} +- {sd:.2f}"
        return words

    def inputs(
        self, stars: StarList, block: "pa.Table", first_row: int, used: Counter[str] | None = None
    ) -> Inputs:
        """Return log_teff, log_lum, feh [dex] and their errors, None where the list has none.

        Parameters
        ----------
        used
            Counts, if given, of how many stars the luminosity comes from which column, or from the radius.
        """
        log_teff, e_log_teff, _ = self.teff.read(stars, block, first_row)
        if self.lum:
            log_lum, e_log_lum, number = self.lum.read(stars, block, first_row)
        else:
            log_lum, e_log_lum = np.full(block.num_rows, np.nan), None
            number = np.full(block.num_rows, -1)
        counts: Counter[str] = Counter()
        if self.lum:
            for i, reading in enumerate(self.lum.readings):
                counts[reading.column] += int(np.count_nonzero((number == i) & np.isfinite(log_lum)))
        if self.radius:
            radius, e_radius, _ = self.radius.read(stars, block, first_row)
            made, e_made = luminosity(radius, e_radius, log_teff, e_log_teff)
            gaps = np.isnan(log_lum) & np.isfinite(made)
            counts[FROM_RADIUS] += int(np.count_nonzero(gaps))
            e_log_lum = np.where(gaps, e_made, np.nan if e_log_lum is None else e_log_lum)
            log_lum = np.where(gaps, made, log_lum)
        if used is not None:
            used.update(counts)
        inputs = Inputs(log_teff=log_teff, log_lum=log_lum, e_log_teff=e_log_teff, e_log_lum=e_log_lum)
        if isinstance(self.feh, Given):
            one = np.ones(block.num_rows)
            inputs |= {"feh": self.feh.feh * one, "e_feh": self.feh.e_feh * one}
        elif self.feh is not None:
            feh, e_feh, _ = self.feh.read(stars, block, first_row)
            inputs |= {"feh": feh, "e_feh": e_feh}
        return inputs

    def _confirm(self, stars: StarList) -> None:
        """Raise DataError where no star of a short list can be used."""
        head = stars.head(self.names)
        if 0 < head.num_rows < HEAD:
            inputs = self.inputs(stars, head, 0)
            if not usable(inputs):
                raise DataError(self.explained(stars))

    def explained(self, stars: StarList) -> str:
        """Return why no star can be used: what each column was taken for, what it holds, and what to do."""
        return unusable(stars, [one for one in (self.teff, self.lum, self.radius) if one])


def usable(inputs: Inputs) -> int:
    """Return how many stars have a temperature and a luminosity."""
    return int(np.count_nonzero(np.isfinite(inputs["log_teff"]) & np.isfinite(inputs["log_lum"])))


def _luminosity(
    stars: StarList, lum: str, e_lum: str, radius: str, e_radius: str, marks: list[str]
) -> tuple[Source | None, Source | None, str]:
    """Return where luminosity and radius come from, and a note; see :meth:`Columns.found`."""
    luminous: Source | None = None
    absent: Absent | None = None
    try:
        luminous = source(stars, LUM, lum, e_lum, marks)
    except Absent as error:
        absent = error
    try:
        return luminous, source(stars, RADIUS, radius, e_radius, marks), ""
    except DataError as error:
        if radius or e_radius:
            raise
        if absent is None:
            # the radius was not asked for
            note = "" if isinstance(error, Absent) else f"no luminosity is made of a radius: {error}"
            return luminous, None, note
        if isinstance(error, Ambiguous):
            raise DataError(f"{absent} {str(error)[0].upper()}{str(error)[1:]}")
        if not isinstance(error, Absent):
            raise
        raise absent


def _metallicity(stars: StarList, feh: str, e_feh: str, marks: list[str]) -> Source | Given | None:
    """Return where [Fe/H] comes from; see :meth:`Columns.found`."""
    if feh == NEARBY and feh not in stars.units:
        if e_feh:
            raise ConfigError(f"--e-feh {e_feh}: --feh {NEARBY} has its own spread.")
        return None
    if feh not in stars.units and is_number(feh):
        if e_feh and not is_number(e_feh):
            raise ConfigError(f"--e-feh {e_feh!r}: must be a number where --feh is one.")
        given = Given(float(feh), float(e_feh or "nan"))
        if not np.isfinite(given.feh) or given.e_feh < 0:
            raise ConfigError(f"--feh {feh}, --e-feh {e_feh}: must be numbers, the error not negative.")
        return given
    if feh:
        quantity = METALLICITY if key(bare(feh)) in METALLICITY.names else FEH
        return source(stars, quantity, feh, e_feh, marks)
    for quantity in (FEH, METALLICITY):
        with suppress(Absent):
            return source(stars, quantity, "", e_feh, marks)
    if e_feh:
        raise ConfigError(f"--e-feh {e_feh}: there is no [Fe/H]; name it with --feh.")
    return None
