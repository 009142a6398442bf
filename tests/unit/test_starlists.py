"""Star lists of all formats: read, continued and written again with nothing lost; broken ones told apart."""

import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.io.votable import from_table, parse
from astropy.table import MaskedColumn, Table
from astropy.time import Time

from stelnet.errors import DataError
from stelnet.starlists.formats import EXTENSIONS, FORMATS
from stelnet.starlists.opening import open_list, open_writer

# astropy's FITS reader knows no unit of a logarithm
pytestmark = pytest.mark.filterwarnings("ignore:.*did not parse as fits unit")

ABOUT = {"age": ("dex(yr)", "how old"), "flags": ("", "what is wrong")}
METADATA = {"model": "synthetic", "flags": {"two_modes": 3}, "long": "x" * 200}
CARDS = {"FITS": "the long value of a card", "TELESCOP": "none"}


def synthetic_table(n: int = 5) -> Table:
    """A synthetic star list with units, descriptions, masks and all kinds of columns."""
    generator = np.random.default_rng(0)
    table = Table()
    table["id"] = np.arange(n) + 2**60
    table["name"] = np.array([f"star {i}, α" for i in range(n)])
    table["Teff"] = MaskedColumn(generator.uniform(3e3, 8e3, n), mask=np.arange(n) == 1, unit="K")
    table["Teff"].description = "effective temperature"
    table["L"] = MaskedColumn(generator.uniform(0, 2, n).astype("f4"), unit="solLum")
    table["n"] = MaskedColumn(np.arange(n, dtype="i2"), mask=np.arange(n) == 2)
    table["good"] = np.arange(n) % 2 == 0
    table["v"] = generator.normal(size=n) * (u.km / u.s)
    table["odd"] = [np.nan if i == 3 else i for i in range(n)]
    return table


def write(table: Table, path, kind):
    """Write a table as others do: through astropy or pandas."""
    table = table.copy()
    if kind == "csv":
        table.to_pandas().to_csv(path, index=False)
    elif kind == "parquet":
        table.write(path, format="parquet")
    elif kind == "fits":
        if "name" in table.colnames:
            table["name"] = [name.replace("α", "a") for name in table["name"]]
        table.write(path)
    else:
        table.write(path, format={"ecsv": "ascii.ecsv", "votable": "votable"}[kind])
    return path


def continued(source, target, kind=None, size=2):
    """Write a list with two more columns, and return the path."""
    kind = kind or next(k for k, ends in EXTENSIONS.items() if str(target).endswith(ends))
    stars = open_list(source)
    seen = 0
    with open_writer(target, kind, stars, ABOUT) as writer:
        names = None if writer.streams else ["L"]
        for block in stars.blocks(size, names, typed=writer.streams and not writer.text):
            n = block.num_rows
            age = np.arange(seen, seen + n, dtype=np.float32)
            writer.write(block, {"age": age, "flags": np.array(["", "a,b"] * n, object)[:n]})
            seen += n
        writer.finish(METADATA)
    return target


def read(path):
    """Read a table as others do."""
    if str(path).endswith((".csv", ".csv.gz")):
        return Table.read(path, format="ascii.csv")
    if str(path).endswith(".ecsv"):
        return Table.read(path, format="ascii.ecsv")
    return Table.read(path)


def extension(kind):
    return EXTENSIONS[kind][0]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FORMATS)
def test_a_round_trip_keeps_every_column_with_its_unit_type_mask_and_description(tmp_path, kind):
    source = write(synthetic_table(), tmp_path / f"in{extension(kind)}", kind)
    before = read(source)
    after = read(continued(source, tmp_path / f"out{extension(kind)}"))
    assert after.colnames == [*before.colnames, *ABOUT]
    for name in before.colnames:
        old, new = before[name], after[name]
        assert new.dtype == old.dtype, name
        assert new.unit == old.unit, name
        assert new.description == old.description, name
        assert np.array_equal(np.ma.getmaskarray(new), np.ma.getmaskarray(old)), name
        seen = ~np.ma.getmaskarray(old)
        np.testing.assert_array_equal(np.asarray(new)[seen], np.asarray(old)[seen], err_msg=name)
    assert list(after["age"]) == [0, 1, 2, 3, 4]
    if kind != "csv":
        assert str(after["age"].unit) == "dex(yr)"
        assert after["age"].description == "how old"
        assert after["age"].dtype.itemsize == 4
    assert after["flags"][1] == "a,b"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("other", FORMATS)
def test_any_format_becomes_any_other(tmp_path, kind, other):
    source = write(synthetic_table(), tmp_path / f"in{extension(kind)}", kind)
    table = Table.read(source) if kind not in ("csv",) else None
    if table is not None and kind != "fits" and other == "fits":
        # FITS has no letters but those of ASCII
        table["name"] = [str(i) for i in range(5)]
        source = write(table, tmp_path / f"ascii{extension(kind)}", kind)
    if kind == "csv" and other == "fits":
        source.write_text(source.read_text().replace("α", "a"))
    after = read(continued(source, tmp_path / f"out{extension(other)}"))
    reference = synthetic_table()
    assert list(after["id"]) == list(reference["id"])
    teff = np.ma.filled(np.ma.asarray(after["Teff"]).astype(float), np.nan)
    np.testing.assert_allclose(teff, np.ma.filled(reference["Teff"], np.nan), rtol=1e-6)
    if "csv" not in (kind, other):
        assert after["Teff"].unit == u.K
        assert after["v"].unit == u.km / u.s
        assert after["Teff"].description == "effective temperature"
    assert list(after["age"]) == [0, 1, 2, 3, 4]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["ecsv", "fits", "votable", "parquet"])
def test_metadata_are_told_and_those_of_an_earlier_prediction_are_found(tmp_path, kind):
    table = synthetic_table()
    table.meta["TELESCOP"] = "a synthetic one"
    source = write(table, tmp_path / f"in{extension(kind)}", kind)
    target = continued(source, tmp_path / f"out{extension(kind)}")
    found = {key: value for key, value in open_list(target).metadata.items() if key != "units"}
    assert found == METADATA
    if kind != "votable":
        assert Table.read(target).meta["TELESCOP"] == "a synthetic one"
    if kind == "parquet":
        assert json.loads(pq.read_schema(target).metadata[b"stelnet"])["units"]["age"] == "dex(yr)"
        assert pq.read_schema(target).field("age").metadata[b"unit"] == b"dex(yr)"
        assert json.loads(pq.read_metadata(target).metadata[b"stelnet"])["flags"] == {"two_modes": 3}
    if kind == "votable":
        assert [info.name for info in parse(target).get_first_table().infos] == ["stelnet"]


@pytest.mark.parametrize("kind", ["ecsv", "parquet"])
def test_times_and_coordinates_survive(tmp_path, kind):
    table = synthetic_table(3)
    table["t"] = Time([50000.0, 50001, 50002], format="mjd")
    table["at"] = SkyCoord([1, 2, 3], [4, 5, 6], unit="deg")
    source = write(table, tmp_path / f"in{extension(kind)}", kind)
    after = read(continued(source, tmp_path / f"out{extension(kind)}"))
    assert list(after["t"].mjd) == [50000.0, 50001, 50002]
    assert after["at"].dec.deg == pytest.approx([4, 5, 6])


def test_text_of_a_csv_file_stays_as_it_was(tmp_path):
    rows = [
        "id,Teff,L,note",
        '0012,5772.00,1e0,"a ""b"", c"',
        "123456789012345678901,5772,+1.0,",
        '7,-9999, 1 ,"x\ny"',
    ]
    (tmp_path / "in.csv").write_text("\n".join(rows) + "\n")
    written = continued(tmp_path / "in.csv", tmp_path / "out.csv").read_text()
    expected = [row + end for row, end in zip(rows, (",age,flags", ",0,", ',1,"a,b"', ",0,"), strict=True)]
    expected[3] = expected[3][:-3] + ",2,"
    assert written == "\n".join(expected) + "\n"


def test_text_that_is_no_number_stays_text_in_typed_formats(tmp_path):
    (tmp_path / "in.csv").write_text(
        "id,big,L,ok,empty,late\n001,123456789012345678901,1,True,,1\n002,1,-,false,,2.5\n003,2,nan,,,x\n"
    )
    table = pq.read_table(continued(tmp_path / "in.csv", tmp_path / "out.parquet"))
    assert table["id"].to_pylist() == ["001", "002", "003"]
    assert table["big"].to_pylist()[0] == "123456789012345678901"
    assert table["L"].to_pylist()[:2] == [1.0, None]
    assert table["ok"].to_pylist() == [True, False, None]
    assert table["empty"].to_pylist() == [None] * 3
    assert table["late"].to_pylist() == ["1", "2.5", "x"]


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_other_delimiters_comments_and_byte_order_marks_are_understood(tmp_path, delimiter):
    text = "# a comment\n" + "\n".join(row.replace(",", delimiter) for row in ("Teff,L", "5772,1"))
    (tmp_path / "in.csv").write_bytes(b"\xef\xbb\xbf" * 0 + text.encode())
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbf" + b"Teff,L\r\n5772,1\r\n")
    for name in ("in.csv", "bom.csv"):
        stars = open_list(tmp_path / name)
        assert list(stars.units) == ["Teff", "L"]
        assert stars.numbers(stars.head(["Teff"]), "Teff", 0)[0] == 5772


def test_a_header_that_is_a_comment(tmp_path):
    np.savetxt(tmp_path / "in.csv", [[5772, 1], [5000, 0.5]], delimiter=",", header="a list\nTeff, L")
    stars = open_list(tmp_path / "in.csv")
    assert list(stars.units) == ["Teff", "L"]
    assert stars.numbers(stars.head(["Teff"]), "Teff", 0).tolist() == [5772, 5000]


def test_letters_that_fits_has_not_are_told(tmp_path):
    source = write(synthetic_table(), tmp_path / "in.ecsv", "ecsv")
    with pytest.raises(DataError, match="'name' has letters"):
        continued(source, tmp_path / "out.fits")


def test_compressed_csv_and_fits(tmp_path):
    with gzip.open(tmp_path / "in.csv.gz", "wt") as file:
        file.write("Teff,L\n5772,1\n")
    written = continued(tmp_path / "in.csv.gz", tmp_path / "out.csv.gz")
    assert gzip.decompress(written.read_bytes()).decode() == "Teff,L,age,flags\n5772,1,0,\n"
    written = continued(tmp_path / "in.csv.gz", tmp_path / "out.fits.gz")
    assert Table.read(written)["L"][0] == 1


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("other", FORMATS)
@pytest.mark.filterwarnings("ignore")
def test_a_list_without_stars_stays_a_list(tmp_path, kind, other):
    table = Table({"Teff": np.zeros(0), "L": np.zeros(0), "name": np.zeros(0, "U3")})
    source = write(table, tmp_path / f"in{extension(kind)}", kind)
    after = read(continued(source, tmp_path / f"out{extension(other)}"))
    assert len(after) == 0
    assert after.colnames == ["Teff", "L", "name", "age", "flags"]


@pytest.mark.parametrize("size", [1, 3, 5, 100])
def test_blocks_hold_every_row_once(tmp_path, size):
    for kind in FORMATS:
        table = Table({"L": np.arange(10.0)})
        stars = open_list(write(table, tmp_path / f"{size}{extension(kind)}", kind))
        blocks = list(stars.blocks(size))
        assert [block.num_rows for block in blocks][:-1] == [size] * (len(blocks) - 1)
        assert np.concatenate([stars.numbers(block, "L", 0) for block in blocks]).tolist() == list(range(10))
        assert stars.count() == 10


def test_columns_of_arrays_survive_where_they_can(tmp_path):
    table = Table({"L": [1.0, 2.0], "cube": np.arange(8).reshape(2, 2, 2)})
    for kind in ("fits", "ecsv", "votable"):
        source = write(table, tmp_path / f"in{extension(kind)}", kind)
        after = read(continued(source, tmp_path / f"out{extension(kind)}"))
        np.testing.assert_array_equal(after["cube"], table["cube"])
    parquet = continued(source, tmp_path / "out.parquet")
    assert pq.read_table(parquet)["cube"].to_pylist() == table["cube"].tolist()
    with pytest.raises(DataError, match=r"'cube' holds .*list.*--format"):
        continued(source, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.filterwarnings("ignore")
def test_integers_of_all_kinds_and_arrays_of_all_lengths(tmp_path):
    lengths = np.empty(4, object)
    lengths[:] = [np.arange(i + 1, dtype="f4") for i in range(4)]
    columns = [
        fits.Column("v", "PE()", array=lengths),
        fits.Column("L", "D", array=np.ones(4)),
        fits.Column("u2", "I", bzero=2**15, array=np.arange(4, dtype="u2")),
        fits.Column("u4", "J", bzero=2**31, array=np.arange(4, dtype="u4")),
        fits.Column("n", "I", null=-1, array=[1, -1, 2, 3]),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "in.fits")
    for kind in ("fits", "ecsv", "votable", "parquet"):
        after = read(continued(tmp_path / "in.fits", tmp_path / f"out{extension(kind)}"))
        assert [list(row) for row in after["v"]] == [list(row) for row in lengths]
        assert list(after["u2"]) == list(after["u4"]) == [0, 1, 2, 3]
        assert np.ma.filled(np.ma.asarray(after["n"]).astype(float), np.nan)[2:].tolist() == [2, 3]
        assert np.isnan(np.ma.filled(np.ma.asarray(after["n"]).astype(float), np.nan)[1])


def test_a_wide_fits_table(tmp_path):
    table = Table({f"c{i}": np.arange(4) + i for i in range(300)})
    source = write_fits(table, tmp_path / "in.fits")
    after = Table.read(continued(source, tmp_path / "out.fits"))
    assert len(after.colnames) == 302
    assert list(after["c299"]) == [299, 300, 301, 302]


def write_fits(table, path):
    table["L"] = 1.0
    del table["c0"]
    table.write(path)
    return path


def test_structures_stay_in_parquet_and_are_refused_elsewhere(tmp_path):
    table = pa.table({"L": [1.0], "s": [{"a": 1}], "d": pa.array(["x"]).dictionary_encode()})
    pq.write_table(table, tmp_path / "in.parquet")
    after = pq.read_table(continued(tmp_path / "in.parquet", tmp_path / "out.parquet"))
    assert after.select(["L", "s", "d"]).equals(table)
    for name in ("out.fits", "out.ecsv", "out.csv"):
        with pytest.raises(DataError, match="'s'"):
            continued(tmp_path / "in.parquet", tmp_path / name)


def read_numbers(path, name):
    """Read one column of a list as the command does, in pieces."""
    stars = open_list(path)
    for i, block in enumerate(stars.blocks(100)):
        stars.numbers(block, name, 100 * i)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.filterwarnings("ignore")
def test_truncated_files_are_told(tmp_path, kind):
    path = write(synthetic_table(2000), tmp_path / f"in{extension(kind)}", kind)
    content = path.read_bytes()
    # text is cut within a row, as whole rows less are a list like any other
    cut = len(content) // 2
    path.write_bytes(content[: content.index(b"star", cut) + 2 if kind in ("csv", "ecsv") else cut])
    with pytest.raises(DataError, match=r"in\.\w+: ") as error:
        read_numbers(path, "L")
    assert "\n" not in str(error.value)


def test_a_truncated_compressed_file_is_told(tmp_path):
    content = gzip.compress(b"Teff,L\n" + b"5772,1\n" * 100_000)
    (tmp_path / "in.csv.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"in\.csv\.gz: not readable as TEXT: Truncated"):
        read_numbers(tmp_path / "in.csv.gz", "L")


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "content", [b"", b"\n\n", bytes(range(256)) * 20, b"SIMPLE  =", b"PAR1xxxx", b"<VOTABLE/>"]
)
def test_garbage_is_told(tmp_path, kind, content):
    path = tmp_path / f"in{extension(kind)}"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"in\.\w+: "):
        list(open_list(path).blocks(100))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"5772,1.0\n5000,0.5\n", "no header"),
        (b"Teff,L,Teff\n5772,1,2\n", "several columns are called 'Teff'"),
        (b"Teff,L\n5772,1\n5000\n", "row 2 has 1 values and the header 2 names: '5000'"),
        (b"name,Teff,L\n" + bytes(range(1, 30)) + b"\0\0,1,2\n", "holds bytes that are no text"),
    ],
)
def test_bad_csv_files_are_told(tmp_path, content, words):
    (tmp_path / "in.csv").write_bytes(content)
    with pytest.raises(DataError, match=words):
        list(open_list(tmp_path / "in.csv").blocks(100))


@pytest.mark.parametrize("text", ["abc", "1,234", "5 772", "0x10"])
def test_text_among_numbers_is_told_with_its_row(tmp_path, text):
    rows = ["Teff,L", *["1,1"] * 300, f'"{text}",1']
    (tmp_path / "in.csv").write_text("\n".join(rows))
    with pytest.raises(DataError, match=f"row 301, column 'Teff': '{text}' is not a number"):
        read_numbers(tmp_path / "in.csv", "Teff")


def test_what_stands_for_no_value_is_none(tmp_path):
    (tmp_path / "in.csv").write_text(
        "Teff,L\n" + "\n".join(f"{gone},1" for gone in (" ", "--", "NaN", "null", "N/A", '""'))
    )
    stars = open_list(tmp_path / "in.csv")
    values = stars.numbers(stars.head(["Teff"]), "Teff", 0)
    assert len(values) == 6
    assert np.isnan(values).all()


def test_numbers_that_arrow_does_not_know(tmp_path):
    (tmp_path / "in.csv").write_text("\nTeff,L\n5_772,1\n,1\n+5e3,1\n")
    stars = open_list(tmp_path / "in.csv")
    np.testing.assert_array_equal(stars.numbers(stars.head(["Teff"]), "Teff", 0), [5772, np.nan, 5000])


def test_columns_of_other_things_are_no_numbers(tmp_path):
    pq.write_table(
        pa.table({"L": [True, False], "t": pa.array([1, 2], pa.timestamp("s"))}), tmp_path / "in.parquet"
    )
    stars = open_list(tmp_path / "in.parquet")
    head = stars.head(["L", "t"])
    for name in ("L", "t"):
        with pytest.raises(DataError, match=f"'{name}' holds"):
            stars.numbers(head, name, 0)


def test_files_of_another_format_than_the_one_asked_for_are_told(tmp_path):
    Table({"L": [1.0]}).write(tmp_path / "in.fits")
    (tmp_path / "in.fits").rename(tmp_path / "in.csv")
    with pytest.raises(DataError, match="holds FITS, not CSV; give --input-format fits"):
        open_list(tmp_path / "in.csv", "csv")


def test_ecsv_called_csv_keeps_its_units(tmp_path):
    synthetic_table().write(tmp_path / "in.csv", format="ascii.ecsv")
    stars = open_list(tmp_path / "in.csv")
    assert stars.kind == "ecsv"
    assert stars.units["Teff"] == "K"


def test_absent_files_and_folders_are_told(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        open_list(tmp_path / "none.csv")
    with pytest.raises(DataError, match="a folder"):
        open_list(tmp_path)


def test_duplicate_columns_of_binary_formats_are_told(tmp_path):
    column = pa.array([1.0])
    pq.write_table(pa.table([column, column], names=["L", "L"]), tmp_path / "in.parquet")
    Table({"L": [1.0], "M": [1.0]}).write(tmp_path / "in.fits")
    content = (tmp_path / "in.fits").read_bytes()
    (tmp_path / "in.fits").write_bytes(content.replace(b"'M       '", b"'L       '"))
    for name in ("in.parquet", "in.fits"):
        with pytest.raises(DataError, match="several columns are called 'L'"):
            open_list(tmp_path / name)


def test_fits_is_copied_with_all_that_is_in_it(tmp_path):
    table = synthetic_table()
    table["name"] = [str(i) for i in range(5)]
    scaled = fits.Column("scaled", "I", array=np.arange(5))
    lengths = np.empty(5, object)
    lengths[:] = [np.arange(i + 1, dtype="f4") for i in range(5)]
    hdu = fits.table_to_hdu(table)
    more = fits.ColDefs([scaled, fits.Column("many", "PE()", array=lengths)])
    hdu = fits.BinTableHDU.from_columns(hdu.columns + more, header=hdu.header)
    hdu.header["OBSERVER"] = "nobody"
    image = fits.ImageHDU(np.arange(6).reshape(2, 3), name="IMAGE")
    primary = fits.PrimaryHDU(header=fits.Header({"TELESCOP": "none"}))
    fits.HDUList([primary, hdu, image]).writeto(tmp_path / "in.fits", checksum=True)
    number = hdu.columns.names.index("scaled") + 1
    fits.setval(tmp_path / "in.fits", f"TSCAL{number}", value=0.5, ext=1)
    with (
        fits.open(tmp_path / "in.fits") as before,
        fits.open(continued(tmp_path / "in.fits", tmp_path / "out.fits"), checksum=True) as after,
    ):
        after.verify("exception")
        assert after[0].header["TELESCOP"] == "none"
        assert after[1].header["OBSERVER"] == "nobody"
        assert after["IMAGE"].data.tolist() == [[0, 1, 2], [3, 4, 5]]
        assert after[1].data["scaled"].tolist() == [0, 0.5, 1, 1.5, 2]
        assert after[1].data["age"].tolist() == [0, 1, 2, 3, 4]
        assert after[1].data["flags"].tolist() == ["", "a,b", "", "a,b", ""]
        assert [list(row) for row in after[1].data["many"]] == [list(row) for row in lengths]
        for column in before[1].columns:
            copied = after[1].columns[column.name]
            assert (copied.format, copied.bscale, copied.null, copied.unit) == (
                column.format, column.bscale, column.null, column.unit,
            )  # fmt: skip
            if column.name != "many":
                np.testing.assert_array_equal(after[1].data[column.name], before[1].data[column.name])


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(["x", "y", "z"], name="star"),
        pd.Index(["x", "y", "z"]),
        pd.RangeIndex(5, 8),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["field", "n"]),
    ],
    ids=["named", "nameless", "range", "levels"],
)
def test_pandas_finds_its_index_and_types_again_in_parquet(tmp_path, index):
    ids = pd.array([4583627001381815937, None, 5348723816842275585], dtype="Int64")
    frame = pd.DataFrame({"source_id": ids, "Teff": [5772.0, 4500, 6200], "L": [1.0, 0.2, 2.5]}, index=index)
    frame["kind"] = pd.Categorical(["K", "G", "K"])
    frame.attrs = {"survey": "none"}
    frame.to_parquet(tmp_path / "in.parquet")
    after = pd.read_parquet(continued(tmp_path / "in.parquet", tmp_path / "out.parquet"))
    pd.testing.assert_frame_equal(after[list(frame)], frame)
    assert after.index.equals(frame.index)
    assert after.attrs == frame.attrs
    assert after["age"].dtype == np.float32
    assert list(after["flags"]) == ["", "a,b", ""]
    listed = json.loads(pq.read_schema(tmp_path / "out.parquet").metadata[b"pandas"])["columns"]
    assert [item["name"] for item in listed][-2:] == ["age", "flags"]


def test_metadata_of_others_stay_in_parquet_and_list_the_new_columns(tmp_path):
    fields = [{"name": "L", "type": "double", "nullable": True, "metadata": {}}]
    spark = b"org.apache.spark.sql.parquet.row.metadata"
    told = {spark: json.dumps({"type": "struct", "fields": fields}), b"survey": b"none \xff"}
    table = pa.table({"L": [1.0]}).replace_schema_metadata(told)
    pq.write_table(table, tmp_path / "in.parquet")
    after = pq.read_schema(continued(tmp_path / "in.parquet", tmp_path / "out.parquet")).metadata
    assert after[b"survey"] == b"none \xff"
    listed = json.loads(after[spark])["fields"]
    assert [(item["name"], item["type"]) for item in listed] == [
        ("L", "double"), ("age", "float"), ("flags", "string"),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "ecsv", "fits", "votable", "parquet"])
def test_identifiers_of_gaia_stay_exact(tmp_path, kind):
    ids = [4583627001381815937, None, 5348723816842275585, 2**63 - 1]
    pq.write_table(pa.table({"source_id": ids, "L": [1.0] * 4}), tmp_path / "in.parquet")
    after = open_list(continued(tmp_path / "in.parquet", tmp_path / f"out{extension(kind)}"))
    # VOTable and FITS write a number of their own for none, and astropy reads it as such
    found = next(after.blocks(10))["source_id"].to_pylist()
    assert [found[0], *found[2:]] == [ids[0], *ids[2:]]
    assert found[1] is None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("stars_in", [0, 1, 5])
def test_ascii_tables_of_fits_are_read(tmp_path, stars_in):
    # astropy cannot write an empty one
    rows = max(stars_in, 1)
    columns = [
        fits.Column("name", "A6", array=np.array([f"HD {i}" for i in range(rows)])),
        fits.Column("Teff", "F8.1", unit="K", array=5000.0 + np.arange(rows)),
        fits.Column("L", "D25.17", unit="solLum", array=np.full(rows, 1e-3) * (1 + np.arange(rows))),
        fits.Column("n", "I10", null="-1", array=np.arange(rows) - 1),
    ]
    fits.TableHDU.from_columns(columns).writeto(tmp_path / "in.fits")
    if not stars_in:
        content = (tmp_path / "in.fits").read_bytes()
        empty = content.replace(b"NAXIS2  =                    1", b"NAXIS2  =                    0")
        (tmp_path / "in.fits").write_bytes(empty[:-2880])
        rows = 0
    stars = open_list(tmp_path / "in.fits")
    assert [stars.units[name] for name in ("name", "Teff", "L", "n")] == ["", "K", "solLum", ""]
    table = pa.concat_tables(stars.blocks(2)).to_pydict()
    assert table["name"] == [f"HD {i}" for i in range(rows)]
    assert table["Teff"] == [5000.0 + i for i in range(rows)]
    assert table["L"] == [1e-3 * (1 + i) for i in range(rows)]
    assert table["n"] == [None, 0, 1, 2, 3][:rows]
    for kind in FORMATS:
        after = read(continued(tmp_path / "in.fits", tmp_path / f"out{extension(kind)}"))
        assert list(after["Teff"]) == table["Teff"]
        assert list(after["age"]) == list(range(rows))


def test_an_ascii_table_of_fits_may_have_blank_cells(tmp_path):
    column = fits.Column("Teff", "I6", array=[5772, 4500])
    fits.TableHDU.from_columns([column, fits.Column("L", "F6.2", array=[1, 2.5])]).writeto(
        tmp_path / "in.fits"
    )
    content = (tmp_path / "in.fits").read_bytes()
    (tmp_path / "in.fits").write_bytes(content.replace(b"  4500  2.50", b"            "))
    stars = open_list(tmp_path / "in.fits")
    for name in ("Teff", "L"):
        assert np.isnan(stars.numbers(next(stars.blocks(5)), name, 0)[1])


def test_text_in_fits_that_is_latin_1_can_leave_it(tmp_path):
    names = ["étoile", "B", "µ Cep"]
    texts = np.array([name.encode("latin-1") for name in names])
    columns = [
        fits.Column("name", "8A", array=texts),
        fits.Column("L", "D", unit="solLum", array=[1.0, 2, 3]),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "in.fits")
    stars = open_list(tmp_path / "in.fits")
    assert next(stars.blocks(5))["name"].to_pylist() == names
    assert stars.remarks() == ["text of 'name' is neither ASCII nor UTF-8, and read as Latin-1"]
    for kind in ("csv", "ecsv", "votable", "parquet"):
        after = read(continued(tmp_path / "in.fits", tmp_path / f"out{extension(kind)}", size=1))
        assert list(after["name"]) == names
    copied = fits.getdata(continued(tmp_path / "in.fits", tmp_path / "out.fits"))
    assert [bytes(text) for text in np.asarray(copied)["name"]] == texts.tolist()


@pytest.mark.filterwarnings("ignore")
def test_a_table_of_a_votable_with_several(tmp_path):
    tree = from_table(Table({"x": [1]}))
    more = from_table(Table({"L": [1.0]})).get_first_table()
    tree.get_first_table().name, more.name = "times", "stars"
    tree.resources[0].tables.append(more)
    tree.to_xml(str(tmp_path / "in.vot"))
    assert "(1 times, 2 stars); choose with --hdu" in open_list(tmp_path / "in.vot").note
    for wanted in ("stars", "2"):
        assert list(open_list(tmp_path / "in.vot", hdu=wanted).units) == ["L"]
    with pytest.raises(DataError, match="no such table; there are 1 times, 2 stars"):
        open_list(tmp_path / "in.vot", hdu="none")


def test_fits_without_a_table_and_with_several(tmp_path):
    fits.PrimaryHDU(np.zeros((2, 2))).writeto(tmp_path / "image.fits")
    with pytest.raises(DataError, match="no table"):
        open_list(tmp_path / "image.fits")
    hdus = [fits.table_to_hdu(Table({"L": [1.0]})), fits.table_to_hdu(Table({"x": [1.0]}))]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "two.fits")
    stars = open_list(tmp_path / "two.fits")
    assert list(stars.units) == ["L"]
    assert "first of its 2 tables" in stars.note


def test_nothing_is_left_of_an_output_that_failed(tmp_path):
    source = write(synthetic_table(), tmp_path / "in.parquet", "parquet")
    stars = open_list(source)
    block = next(stars.blocks(5))

    def interrupted(kind):
        with open_writer(tmp_path / f"out{extension(kind)}", kind, stars, ABOUT) as writer:
            writer.write(block, {"age": np.zeros(5, "f4"), "flags": np.array([""] * 5, object)})
            raise KeyboardInterrupt

    for kind in FORMATS:
        with pytest.raises(KeyboardInterrupt):
            interrupted(kind)
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]
