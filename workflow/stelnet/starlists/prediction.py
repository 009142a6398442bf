"""A model over a star list: block by block, reading and writing while the model computes."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stelnet._version import __version__
from stelnet.arrays import Floats
from stelnet.errors import ConfigError, DataError
from stelnet.inference.answer import FLAGS, Method, MethodName
from stelnet.inference.inputs import DEFAULT_ERRORS, Inputs
from stelnet.inference.observed import FLOOR, NEIGHBOURHOOD
from stelnet.spelling import key
from stelnet.starlists.base import StarList, is_number
from stelnet.starlists.columns import Absent, Ambiguous, find
from stelnet.starlists.opening import open_writer
from stelnet.starlists.quantities import FEH, LUM, METALLICITY, TEFF, Quantity, bare
from stelnet.starlists.readings import Reading
from stelnet.terms import StageName

if TYPE_CHECKING:
    import pyarrow as pa

    from stelnet.inference.model import Model


#: What users write for [Fe/H] like that of stars near the Sun.
NEARBY = "neighbourhood"
#: Columns hold the same where they differ by no more [dex]: logarithms are often given with two decimals.
SAME = 0.006


@dataclass(frozen=True)
class Request:
    """What is asked of :meth:`stelnet.inference.model.Model.predict`, in chunks of how many stars, and what
    the names of the new columns begin with."""

    stage: StageName | None = None
    method: MethodName = "auto"
    age_prior: str = "field"
    floor: Sequence[float] | None = None
    samples: int = 0
    seed: int = 0
    chunk: int = 1 << 17
    prefix: str = ""

    def asked(self, method: str, first_row: int) -> dict[str, Any]:
        """Return the arguments of ``Model.predict`` beside those of the stars."""
        return {
            "stage": self.stage,
            "method": method,
            "age_prior": self.age_prior,
            "floor": self.floor,
            "samples": self.samples,
            "seed": self.seed,
            "first_row": first_row,
        }


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
    teff, lum
        Their readings.
    feh
        That of [Fe/H], or one for all stars, or None where none is given.
    metallicities
        Whether [Fe/H] was asked for.
    """

    teff: Reading
    lum: Reading
    feh: Reading | Given | None = None
    metallicities: bool = False

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

        Raises
        ------
        DataError
            See :func:`stelnet.starlists.columns.find`; the list is named.
        ConfigError
            [Fe/H] for a model that cannot use it, or an error that does not go with it.
        """
        if (feh or e_feh) and not metallicities:
            raise ConfigError("--feh: the metallicity of this model is the Sun's; take --model posterior.")
        try:
            place = _found(stars, TEFF, teff, e_teff), _found(stars, LUM, lum, e_lum)
            return cls(*place, _metallicity(stars, feh, e_feh) if metallicities else None, metallicities)
        except DataError as error:
            message = str(error)
            raise DataError(message if message.startswith(stars.label) else f"{stars.label}: {message}")

    @property
    def names(self) -> list[str]:
        """The columns of the list that are needed."""
        return list(dict.fromkeys(name for reading in self._readings for name in reading.columns))

    @property
    def _readings(self) -> list[Reading]:
        return [reading for reading in (self.teff, self.lum, self.feh) if isinstance(reading, Reading)]

    def described(self) -> dict[str, str]:
        """Return in words how each quantity is read, default errors included."""
        words = {
            name: reading.describe()
            if reading.errors
            else f"{reading.describe()}, errors unknown: {DEFAULT_ERRORS[name]} dex (default)"
            for name, reading in (("log_teff", self.teff), ("log_lum", self.lum))
        }
        if self.metallicities:
            mean, sd = NEIGHBOURHOOD
            none = f"[Fe/H] not given: solar neighbourhood, {mean:.2f} +- {sd:.2f}"
            words["feh"] = none if self.feh is None else self.feh.describe()
            if isinstance(self.feh, Reading) and self.feh.errors is None:
                words["feh"] += f", errors unknown: {FLOOR.feh:.2f} dex (floor)"
        return words

    def inputs(self, stars: StarList, block: "pa.Table", first_row: int) -> Inputs:
        """Return log_teff, log_lum, feh [dex] and their errors, None where the list has none."""

        def read(reading: Reading) -> tuple[Floats, Floats | None]:
            values, *errors = (stars.numbers(block, name, first_row) for name in reading.columns)
            logs = reading.log(values)
            return logs, reading.errors.dex(logs, tuple(errors)) if reading.errors is not None else None

        (log_teff, e_log_teff), (log_lum, e_log_lum) = read(self.teff), read(self.lum)
        inputs = Inputs(log_teff=log_teff, log_lum=log_lum, e_log_teff=e_log_teff, e_log_lum=e_log_lum)
        if isinstance(self.feh, Given):
            one = np.ones(block.num_rows)
            inputs |= {"feh": self.feh.feh * one, "e_feh": self.feh.e_feh * one}
        elif self.feh is not None:
            feh, e_feh = read(self.feh)
            inputs |= {"feh": feh, "e_feh": e_feh}
        return inputs


def _metallicity(stars: StarList, feh: str, e_feh: str) -> Reading | Given | None:
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
        return _found(stars, METALLICITY if key(bare(feh)) in METALLICITY.names else FEH, feh, e_feh)
    for quantity in (FEH, METALLICITY):
        with suppress(Absent):
            return _found(stars, quantity, "", e_feh)
    if e_feh:
        raise ConfigError(f"--e-feh {e_feh}: there is no [Fe/H]; name it with --feh.")
    return None


def _found(stars: StarList, quantity: Quantity, column: str, errors: str) -> Reading:
    """Find one quantity; of columns that hold the same, as T and log T may, take the one with errors."""

    def settled(name: str) -> tuple[Reading, Floats]:
        reading = find(stars.units, quantity, name, errors)
        head = stars.head(reading.columns)
        values = [stars.numbers(head, name, 0) for name in reading.columns]
        reading = reading.settled(*values)
        return reading, reading.log(values[0])

    try:
        return settled(column)[0]
    except Ambiguous as ambiguous:
        readings, logs = zip(*map(settled, ambiguous.columns), strict=True)
        with np.errstate(invalid="ignore"):
            apart = np.abs(np.array(logs) - logs[0])
        if not (np.isfinite(apart).any(axis=1).all() and (apart[np.isfinite(apart)] <= SAME).all()):
            raise
        chosen: Reading = next((reading for reading in readings if reading.errors), readings[0])
        others = [name for name in ambiguous.columns if name != chosen.column]
        return replace(chosen, note=f"the same is in {', '.join(others)}")


@dataclass(frozen=True)
class Summary:
    """What was done: the number of stars, of those with an age, and what the metadata of the output hold."""

    stars: int
    answered: int
    metadata: dict[str, Any]


def columns_beside(model: "Model", stars: StarList, request: Request) -> dict[str, tuple[str, str]]:
    """Return the columns that are added to a list, name -> unit, description.

    Raises
    ------
    DataError
        The list has one of them already.
    """
    about = {
        request.prefix + name: text
        for name, text in {**model.columns, **(model.samples if request.samples else {})}.items()
    }
    # FITS and others take names for the same whose case differs
    there = {name.lower() for name in stars.units}
    taken = [name for name in about if name.lower() in there]
    if taken:
        raise DataError(
            f"{stars.label}: has columns that the answer needs ({', '.join(taken[:3])}"
            f"{' ...' if len(taken) > 3 else ''}); give --prefix, such as --prefix new_."
        )
    return about


def circumstances(model: "Model", columns: Columns, request: Request, method: MethodName) -> dict[str, Any]:
    """Return what the metadata of the output hold of how it was made."""
    told = {
        "stelnet_version": __version__,
        "model": model.name,
        "model_sha256": model.sha256,
        "simulated": model.simulated,
        "stage": str(request.stage or "unknown"),
        "method": str(method),
        "age_prior": request.age_prior,
        "floor": dict(zip(DEFAULT_ERRORS, request.floor or model.floor, strict=True)),
        "columns": columns.described(),
        "default_errors": DEFAULT_ERRORS,
    }
    told |= {"grid_sha256": model.grid_sha256} if method == Method.EXACT_GRID else {}
    return told | ({"samples": request.samples, "seed": request.seed} if request.samples else {})


def outcome(stars: int, answered: int, flags: Mapping[str, int]) -> dict[str, Any]:
    """Return what they hold of the answers: numbers of stars, of those with an age, and with each flag."""
    present = {name: flags[name] for name in FLAGS if flags.get(name)}
    return {"stars": stars, "stars_with_age": answered, "flags": present}


def predict_list(
    model: "Model",
    stars: StarList,
    columns: Columns,
    target: Path | None,
    kind: str,
    request: Request,
    progress: Callable[[int], Any] = lambda rows: None,
) -> Summary:
    """Write a star list with ages and masses.

    Parameters
    ----------
    model
        The model that is asked.
    stars, columns
        The list, and how it is read.
    target, kind
        Path of the output, None for standard output, and its format.
    request
        What is asked.
    progress
        Called with the number of rows after each block.

    Raises
    ------
    DataError
        A column of the output exists in the list, a value is no number, or the output cannot hold a column.
    """
    about = columns_beside(model, stars, request)
    method = request.method
    if method == "auto":
        method = model.method_for(stars.count())
    flags: Counter[str] = Counter()
    seen = answered = 0
    with open_writer(target, kind, stars, about) as writer, ThreadPoolExecutor(1) as pool:
        written: Future[None] | None = None
        names = None if writer.streams else columns.names
        for block in _ahead(stars.blocks(request.chunk, names, typed=writer.streams and not writer.text)):
            predictions = model.predict(**columns.inputs(stars, block, seen), **request.asked(method, seen))
            if written:
                written.result()
            new = {request.prefix + name: values for name, values in predictions.items()}
            written = pool.submit(writer.write, block, new)
            flags.update(predictions.counts())
            seen += block.num_rows
            answered += int(np.isfinite(predictions["log_age_median"]).sum())
            progress(block.num_rows)
        if written:
            written.result()
        metadata = circumstances(model, columns, request, method) | outcome(seen, answered, flags)
        if stars.metadata:
            metadata["previous"] = stars.metadata
        writer.finish(metadata)
    return Summary(seen, answered, metadata)


def predict_at_once(
    model: "Model", stars: StarList, columns: Columns, request: Request
) -> tuple[dict[str, np.ndarray], dict[str, tuple[str, str]], Summary]:
    """Return the new columns of a star list in memory, (n,) or (n, samples), their units and descriptions.

    Raises
    ------
    DataError
        As of :func:`predict_list`.
    """
    about = columns_beside(model, stars, request)
    rows = stars.count()
    method = model.method_for(rows) if request.method == "auto" else request.method
    whole = next(stars.blocks(max(rows, 1), columns.names, typed=False))
    predictions = model.predict(**columns.inputs(stars, whole, 0), **request.asked(method, 0))
    answered = int(np.isfinite(predictions["log_age_median"]).sum())
    metadata = circumstances(model, columns, request, method) | outcome(rows, answered, predictions.counts())
    if stars.metadata:
        metadata["previous"] = stars.metadata
    new = {request.prefix + name: values for name, values in predictions.items()}
    return new, about, Summary(rows, answered, metadata)


def _ahead(blocks: "Iterator[pa.Table]") -> "Iterator[pa.Table]":
    """Yield blocks, of which the next is read while one is worked on."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = pool.submit(next, blocks, None)
            yield block
