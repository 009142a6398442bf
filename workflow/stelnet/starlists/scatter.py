"""A star list in pieces: each job answers for some rows, one more puts the answers beside the list, in order.

A piece holds answers alone, so that the list itself is read twice and never copied. Where its length is a
multiple of :data:`stelnet.inference.model.CHUNK`, as the configuration demands, a model sees the stars in
the same batches as in one go, and answers the same to the last bit.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from stelnet.errors import DataError
from stelnet.files import atomic_path
from stelnet.starlists.base import rebatched
from stelnet.starlists.opening import open_writer
from stelnet.starlists.parquet_list import ParquetList, Rows
from stelnet.starlists.place import Columns
from stelnet.starlists.prediction import Request, circumstances, columns_beside, outcome

if TYPE_CHECKING:
    from stelnet.inference.model import Model


#: Rows in memory at a time.
BLOCK = 1 << 17


def predict_rows(model: "Model", stars: Rows, columns: Columns, request: Request, target: Path) -> None:
    """Write the answers for some rows of a star list, without the list, to a Parquet file.

    Parameters
    ----------
    model
        The model that is asked.
    stars, columns
        The rows, and how they are read.
    request
        What is asked; its method must be settled, as the choice depends on the length of the whole list.
    target
        Path of the file, which :func:`gather` reads.

    Raises
    ------
    DataError
        A value is no number, or a column of the answers exists in the list.
    """
    from pyarrow import parquet

    schema = pa.schema(
        [
            pa.field(name, pa.string() if name.endswith("flags") else pa.float32(), metadata=_written(about))
            for name, about in columns_beside(model, stars, request).items()
        ]
    )
    flags: Counter[str] = Counter()
    used: Counter[str] = Counter()
    seen = answered = 0
    with (
        atomic_path(target) as temporary,
        parquet.ParquetWriter(
            temporary, schema, compression="zstd", use_dictionary=[schema.names[-1]]
        ) as writer,
    ):
        for block in stars.blocks(request.chunk, columns.names):
            row = stars.first + seen
            predictions = model.predict(
                **columns.inputs(stars, block, row, used), **request.asked(request.method, row)
            )
            writer.write_table(pa.table(list(predictions.values()), schema=schema))
            flags.update(predictions.counts())
            seen += block.num_rows
            answered += int(np.isfinite(predictions["log_age_median"]).sum())
        piece = {"first": stars.first, **outcome(seen, answered, flags, used)}
        piece["circumstances"] = circumstances(model, columns, request, request.method)
        writer.add_key_value_metadata({"stelnet": json.dumps(piece)})


def _written(about: tuple[str, str]) -> dict[str, str]:
    """Return what a piece's file holds of a column."""
    return dict(zip(("unit", "description"), about, strict=True))


def gather(stars: ParquetList, pieces: Sequence[Path], target: Path, kind: str) -> dict[str, Any]:
    """Write a star list with the answers of its pieces beside it, as one run over the whole list would.

    Parameters
    ----------
    stars
        The whole list.
    pieces
        Files of :func:`predict_rows`, in the order of their rows.
    target, kind
        Path of the output, and its format, one of those that are streamed: ``parquet`` or ``csv``.

    Returns
    -------
    dict
        What the metadata of the output hold.

    Raises
    ------
    DataError
        The pieces are not those of this list, or not of one model and one way of asking it.
    """
    from pyarrow import parquet

    told = [json.loads(parquet.read_metadata(path).metadata[b"stelnet"]) for path in pieces]
    first, flags, used = 0, Counter[str](), Counter[str]()
    for path, piece in zip(pieces, told, strict=True):
        if piece["first"] != first or piece["circumstances"] != told[0]["circumstances"]:
            raise DataError(f"{path}: does not continue the pieces before it; delete it and run again.")
        first += piece["stars"]
        flags.update(piece["flags"])
        used.update(piece["luminosity_from"])
    if first != stars.rows:
        raise DataError(f"{stars.label}: has {stars.rows} rows, but its pieces {first}; correct `rows`.")
    metadata: dict[str, Any] = told[0]["circumstances"] | outcome(
        first, sum(piece["stars_with_age"] for piece in told), flags, used
    )
    if stars.metadata:
        metadata["previous"] = stars.metadata
    schema = parquet.read_schema(pieces[0]).remove_metadata()
    about = {
        field.name: tuple(field.metadata[part].decode() for part in (b"unit", b"description"))
        for field in schema
    }

    def batches() -> Iterator[pa.RecordBatch]:
        for path in pieces:
            with parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
                yield from file.iter_batches(BLOCK)

    with open_writer(target, kind, stars, about) as writer:
        lists, answers = stars.blocks(BLOCK, typed=not writer.text), rebatched(batches(), BLOCK, schema)
        for block, new in zip(lists, answers, strict=True):
            writer.write(block, {name: new[name].to_numpy() for name in schema.names})
        writer.finish(metadata)
    return metadata
