"""Star lists between Arrow and astropy, with their units, descriptions and masks."""

import numpy as np
import pyarrow as pa
from astropy.table import Column, MaskedColumn, Table
from astropy.table.serialize import represent_mixins_as_columns

from stelnet.errors import DataError


def plain(table: Table) -> Table:
    """Return a table whose columns are all arrays: times, coordinates and the like are taken apart."""
    return represent_mixins_as_columns(table)


def to_arrow(table: Table, label: str) -> pa.Table:
    """Return an astropy table as an Arrow table; units and descriptions are metadata of its fields.

    Raises
    ------
    DataError
        A column holds what Arrow does not know, such as complex numbers.
    """
    table = plain(table)
    arrays, fields = [], []
    for name, column in table.columns.items():
        try:
            array = _array(column)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, ValueError) as error:
            raise DataError(f"{label}: column {name!r} of type {column.dtype} cannot be converted: {error}")
        about = {"unit": str(column.unit or ""), "description": column.description or ""}
        arrays.append(array)
        fields.append(pa.field(name, array.type, metadata={key: text for key, text in about.items() if text}))
    return pa.table(arrays, schema=pa.schema(fields))


def _array(column: Column) -> pa.Array:
    mask = np.asarray(getattr(column, "mask", np.zeros(column.shape, bool)))
    values = np.asarray(column)
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    if values.dtype.kind == "O":
        gone = np.all(mask.reshape(len(mask), -1), axis=1) if mask.ndim > 1 else mask
        return pa.array([None if hidden else _item(item) for item, hidden in zip(values, gone, strict=True)])
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if values.dtype == np.longdouble:
        values = values.astype(np.float64)
    if values.dtype.kind == "U":
        flat = pa.array(values.ravel().astype(object), pa.string(), mask=mask.ravel())
    else:
        flat = pa.array(np.ascontiguousarray(values.ravel()), mask=mask.ravel() if mask.any() else None)
    for size in reversed(values.shape[1:]):
        flat = pa.FixedSizeListArray.from_arrays(flat, size)
    return flat


def _item(item: object) -> object:
    """Return a cell of a column of objects as Arrow takes it."""
    if isinstance(item, np.ma.MaskedArray):
        return item.tolist()
    return item.decode() if isinstance(item, bytes) else item


def to_astropy(table: pa.Table, label: str) -> Table:
    """Return an Arrow table as an astropy table; columns with missing values are masked.

    Raises
    ------
    DataError
        A column holds what astropy has no type for, such as structures.
    """
    result = Table()
    for field, column in zip(table.schema, table.columns, strict=True):
        about = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
        options = {"name": field.name, "unit": about.get("unit"), "description": about.get("description")}
        values, mask = _values(column, field, label)
        result.add_column(
            MaskedColumn(values, mask=mask, **options) if mask.any() else Column(values, **options),
            copy=False,
        )
    return result


def _values(column: pa.ChunkedArray, field: pa.Field, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a column, anything where there is none, and where that is."""
    kind = field.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    mask = column.is_null().to_numpy() if column.null_count else np.zeros(len(column), bool)
    if pa.types.is_fixed_size_list(kind):
        shape = [len(column)]
        array = column.combine_chunks()
        while pa.types.is_fixed_size_list(array.type):
            shape.append(array.type.list_size)
            if array.null_count:
                raise DataError(
                    f"{label}: column {field.name!r} has missing arrays; Parquet alone can hold them."
                )
            array = array.flatten()
        inner = pa.chunked_array([array])
        values, mask = _values(inner, pa.field(field.name, array.type), label)
        return values.reshape(shape), mask.reshape(shape)
    if pa.types.is_temporal(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        kind, column = pa.string(), column.cast(pa.string())
    if pa.types.is_decimal(kind):
        kind, column = pa.float64(), column.cast(pa.float64())
    if pa.types.is_string(kind):
        return np.array(column.fill_null("").to_pylist(), dtype=str), mask
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        zero = False if pa.types.is_boolean(kind) else 0
        return (column.fill_null(zero) if column.null_count else column).to_numpy(), mask
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan), mask
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        values = np.empty(len(column), object)
        values[:] = [np.array(item) for item in column.to_pylist()]
        return values, mask
    raise DataError(
        f"{label}: column {field.name!r} holds {kind}; Parquet alone can hold it: --format parquet."
    )
