"""A model over a star list: block by block, reading and writing while the model computes."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stelnet._version import __version__
from stelnet.arrays import Floats
from stelnet.errors import DataError
from stelnet.inference.answer import COLUMNS, FLAGS, SAMPLES, MethodName
from stelnet.inference.inputs import DEFAULT_ERRORS, Inputs
from stelnet.starlists.base import StarList
from stelnet.starlists.columns import Ambiguous, find
from stelnet.starlists.opening import open_writer
from stelnet.starlists.quantities import LUM, TEFF, Quantity
from stelnet.starlists.readings import Reading
from stelnet.terms import StageName

if TYPE_CHECKING:
    import pyarrow as pa

    from stelnet.inference.model import Model


#: Columns hold the same where they differ by no more [dex]: logarithms are often given with two decimals.
SAME = 0.006


@dataclass(frozen=True)
class Request:
    """What is asked of :meth:`stelnet.inference.model.Model.predict`, in chunks of how many stars, and what
    the names of the new columns begin with."""

    stage: StageName | None = None
    method: MethodName = "auto"
    samples: int = 0
    seed: int = 0
    chunk: int = 1 << 17
    prefix: str = ""


@dataclass(frozen=True)
class Columns:
    """How temperature and luminosity are read from a list."""

    teff: Reading
    lum: Reading

    @classmethod
    def found(
        cls, stars: StarList, teff: str = "", lum: str = "", e_teff: str = "", e_lum: str = ""
    ) -> "Columns":
        """Find the columns of a list, or take those named, and confirm them by its first rows.

        Raises
        ------
        DataError
            See :func:`stelnet.starlists.columns.find`; the list is named.
        """
        try:
            return cls(_found(stars, TEFF, teff, e_teff), _found(stars, LUM, lum, e_lum))
        except DataError as error:
            message = str(error)
            raise DataError(message if message.startswith(stars.label) else f"{stars.label}: {message}")

    @property
    def names(self) -> list[str]:
        """The columns of the list that are needed."""
        return list(dict.fromkeys(self.teff.columns + self.lum.columns))

    def described(self) -> dict[str, str]:
        """Return in words how each quantity is read, default errors included."""
        return {
            name: reading.describe()
            if reading.errors
            else f"{reading.describe()}, errors unknown: {DEFAULT_ERRORS[name]} dex (default)"
            for name, reading in (("log_teff", self.teff), ("log_lum", self.lum))
        }

    def inputs(self, stars: StarList, block: "pa.Table", first_row: int) -> Inputs:
        """Return log_teff, log_lum [dex] and their errors, None where the list has none."""

        def read(reading: Reading) -> tuple[Floats, Floats | None]:
            values, *errors = (stars.numbers(block, name, first_row) for name in reading.columns)
            logs = reading.log(values)
            return logs, reading.errors.dex(logs, tuple(errors)) if reading.errors is not None else None

        (log_teff, e_log_teff), (log_lum, e_log_lum) = read(self.teff), read(self.lum)
        return Inputs(log_teff=log_teff, log_lum=log_lum, e_log_teff=e_log_teff, e_log_lum=e_log_lum)


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


def new_columns(samples: int, prefix: str = "") -> dict[str, tuple[str, str]]:
    """Return the columns of a prediction: name -> unit, description."""
    about = COLUMNS | (SAMPLES if samples else {})
    return {prefix + name: text for name, text in about.items()}


def columns_beside(stars: StarList, request: Request) -> dict[str, tuple[str, str]]:
    """Return the columns that are added to a list; DataError where it has one of them already."""
    about = new_columns(request.samples, request.prefix)
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
        "columns": columns.described(),
        "default_errors": DEFAULT_ERRORS,
    }
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
    about = columns_beside(stars, request)
    method = request.method
    if method == "auto":
        method = model.method_for(stars.count())
    flags: Counter[str] = Counter()
    seen = answered = 0
    with open_writer(target, kind, stars, about) as writer, ThreadPoolExecutor(1) as pool:
        written: Future[None] | None = None
        names = None if writer.streams else columns.names
        for block in _ahead(stars.blocks(request.chunk, names, typed=writer.streams and not writer.text)):
            predictions = model.predict(
                **columns.inputs(stars, block, seen), stage=request.stage, method=method,
                samples=request.samples, seed=request.seed, first_row=seen,
            )  # fmt: skip
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


def _ahead(blocks: "Iterator[pa.Table]") -> "Iterator[pa.Table]":
    """Yield blocks, of which the next is read while one is worked on."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = pool.submit(next, blocks, None)
            yield block
