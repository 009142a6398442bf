"""A model over a star list: block by block, reading and writing while the model computes."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stelnet._version import __version__
from stelnet.errors import DataError
from stelnet.inference.answer import FLAGS, Method, MethodName
from stelnet.inference.inputs import DEFAULT_ERRORS
from stelnet.starlists.base import StarList
from stelnet.starlists.opening import open_writer
from stelnet.starlists.place import Columns, usable
from stelnet.terms import StageName

if TYPE_CHECKING:
    import pyarrow as pa

    from stelnet.inference.model import Model


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


def outcome(
    stars: int, answered: int, flags: Mapping[str, int], luminosities: Mapping[str, int]
) -> dict[str, Any]:
    """Return what they hold of the answers: numbers of stars, of those with an age, with each flag, and
    with a luminosity from each column, or from the radius."""
    present = {name: flags[name] for name in FLAGS if flags.get(name)}
    made_of = {name: count for name, count in sorted(luminosities.items()) if count}
    return {"stars": stars, "stars_with_age": answered, "flags": present, "luminosity_from": made_of}


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
        A column of the output exists in the list, a value is no number, the output cannot hold a column, or
        no star can be used.
    """
    about = columns_beside(model, stars, request)
    method = request.method
    if method == "auto":
        method = model.method_for(stars.count())
    flags: Counter[str] = Counter()
    used: Counter[str] = Counter()
    seen = answered = placed = 0
    with open_writer(target, kind, stars, about) as writer, ThreadPoolExecutor(1) as pool:
        written: Future[None] | None = None
        names = None if writer.streams else columns.names
        for block in _ahead(stars.blocks(request.chunk, names, typed=writer.streams and not writer.text)):
            inputs = columns.inputs(stars, block, seen, used)
            placed += usable(inputs)
            predictions = model.predict(**inputs, **request.asked(method, seen))
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
        if seen and not placed:
            raise DataError(f"{stars.label}: {columns.explained(stars)}")
        metadata = circumstances(model, columns, request, method) | outcome(seen, answered, flags, used)
        metadata |= _of_list(stars)
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
    used: Counter[str] = Counter()
    inputs = columns.inputs(stars, whole, 0, used)
    if rows and not usable(inputs):
        raise DataError(f"{stars.label}: {columns.explained(stars)}")
    predictions = model.predict(**inputs, **request.asked(method, 0))
    answered = int(np.isfinite(predictions["log_age_median"]).sum())
    told = outcome(rows, answered, predictions.counts(), used)
    metadata = circumstances(model, columns, request, method) | told | _of_list(stars)
    new = {request.prefix + name: values for name, values in predictions.items()}
    return new, about, Summary(rows, answered, metadata)


def _of_list(stars: StarList) -> dict[str, Any]:
    """Return what the list itself adds to the metadata: values taken as missing, and an earlier answer."""
    told: dict[str, Any] = {}
    if stars.bad:
        told["bad_values"] = {name: bad.count for name, bad in stars.bad.items()}
    if stars.metadata:
        told["previous"] = stars.metadata
    return told


def _ahead(blocks: "Iterator[pa.Table]") -> "Iterator[pa.Table]":
    """Yield blocks, of which the next is read while one is worked on."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = pool.submit(next, blocks, None)
            yield block
