"""Star lists in the text formats of astronomers, however packed, encoded and headed."""

import bz2
import gzip
import lzma

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stelnet.errors import DataError
from stelnet.starlists.opening import open_list, open_writer

ROWS = [("A1", 5772.0, 1.0), ("B2", 4500.5, 0.2), ("C3", 6200.0, 2.5)]
ABOUT = {"age": ("dex(yr)", "how old")}


def table_of(path, content, **options):
    """Write a file and return its list and all its rows."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    stars = open_list(path, **options)
    return stars, pa.concat_tables(stars.blocks(2)).to_pydict()


def numbers(stars, name):
    """Return a column as the command reads it."""
    blocks, seen = [], 0
    for block in stars.blocks(2, [name], typed=False):
        blocks.append(stars.numbers(block, name, seen))
        seen += block.num_rows
    return np.concatenate(blocks).tolist()


def written(stars, target, kind="csv"):
    """Write a list with one more column; return the path."""
    with open_writer(target, kind, stars, ABOUT) as writer:
        for block in stars.blocks(2, None if writer.streams else list(stars.units), typed=not writer.text):
            writer.write(block, {"age": np.zeros(block.num_rows, np.float32)})
        writer.finish({})
    return target


def assert_stars(stars, name="name"):
    """Check that a list holds the three stars of these tests."""
    assert stars.numbers(stars.head(["Teff"]), "Teff", 0).tolist() == [row[1] for row in ROWS]
    assert numbers(stars, "L") == [row[2] for row in ROWS]
    assert [cell.strip() for cell in stars.head([name])[name].to_pylist()] == [row[0] for row in ROWS]


def synthetic() -> Table:
    return Table(rows=ROWS, names=("name", "Teff", "L"), units=(None, "K", "solLum"))


# every format of astropy for text that has a header
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "kind",
    [
        "basic",
        "commented_header",
        "csv",
        "fixed_width",
        "fixed_width_two_line",
        "ipac",
        "mrt",
        "rdb",
        "rst",
        "tab",
    ],
)
def test_what_astropy_writes_is_read(tmp_path, kind):
    synthetic().write(tmp_path / "stars", format=f"ascii.{kind}")
    stars = open_list(tmp_path / "stars")
    assert_stars(stars)
    assert stars.count() == 3
    if kind in ("ipac", "mrt"):
        assert [u.Unit(stars.units[name] or "1") for name in ("Teff", "L")] == [u.K, u.Lsun]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["ipac", "mrt", "fixed_width", "fixed_width_two_line", "rst"])
def test_missing_values_of_fixed_columns_are_missing(tmp_path, kind):
    table = synthetic()
    table["Teff"] = MaskedColumn(table["Teff"], mask=[False, True, False])
    table.write(tmp_path / "stars", format=f"ascii.{kind}")
    stars = open_list(tmp_path / "stars")
    np.testing.assert_array_equal(numbers(stars, "Teff"), [5772, np.nan, 6200])


DIALECTS = {
    "single quotes": "# name Teff L\n'A1' 5772 1.0\n'B2' 4500.5 0.2\n'C3' 6200 2.5\n",
    "comments of other kinds": "% a\n! b\n// c\nname,Teff,L\nA1,5772,1.0\nB2,4500.5,0.2\nC3,6200,2.5\n",
    "exponents of Fortran": "name Teff L\nA1 5.772D+03 1.0d0\nB2 4.5005D3 2D-1\nC3 6200 2.5\n",
    "white space": "name  Teff L\nA1 5772 1.0\n  B2\t4500.5   0.2  \nC3 6200 2.5",
    "comments between": "# mine\nname Teff L\nA1 5772 1.0\n# doubtful ones\nB2 4500.5 0.2\n\nC3 6200 2.5\n",
    "quotes": 'name Teff L\n"A1" 5772 1.0\n"B2" 4500.5 0.2\n"C3" 6200 2.5\n',
    "tabs": "name\tTeff\tL\nA1\t5772\t1.0\nB2\t4500.5\t0.2\nC3\t6200\t2.5\n",
    "comments between commas": "name,Teff,L\nA1,5772,1.0\n# doubtful ones\nB2,4500.5,0.2\nC3,6200,2.5\n",
    "header behind a hash": "# name,Teff,L\nA1,5772,1.0\nB2,4500.5,0.2\nC3,6200,2.5\n",
    "header behind a hash, white space": "#name Teff L\nA1 5772 1.0\nB2 4500.5 0.2\nC3 6200 2.5\n",
    "header above another comment": "# name,Teff,L\n# all mine\nA1,5772,1.0\nB2,4500.5,0.2\nC3,6200,2.5\n",
    "commas below a header with blanks": "# name Teff L\nA1,5772,1.0\nB2,4500.5,0.2\nC3,6200,2.5\n",
    "psql": " name |  Teff  |  L  \n------+--------+-----\n A1   |   5772 | 1.0\n B2   | 4500.5 | 0.2\n"
    " C3   |   6200 | 2.5\n(3 rows)\n",
    "mysql": "+----+------+---+\n|name|Teff  |L  |\n+----+------+---+\n|A1  |5772  |1.0|\n|B2  |4500.5|0.2|\n"
    "|C3  |6200  |2.5|\n+----+------+---+\n",
    "markdown": "| name | Teff | L |\n|:-----|-----:|--:|\n| A1 | 5772 | 1.0 |\n| B2 | 4500.5 | 0.2 |\n"
    "| C3 | 6200 | 2.5 |\n",
    "Excel's sep": "sep=;\nname;Teff;L\nA1;5772;1.0\nB2;4500.5;0.2\nC3;6200;2.5\n",
    "rdb": "# mine\nname\tTeff\tL\n3S\t8N\t4N\nA1\t5772\t1.0\nB2\t4500.5\t0.2\nC3\t6200\t2.5\n",
    "types in words": "name,Teff,L\nchar,double,float\nA1,5772,1.0\nB2,4500.5,0.2\nC3,6200,2.5\n",
}


@pytest.mark.parametrize("content", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_columns_are_set_apart_in_many_ways(tmp_path, content, end):
    stars, table = table_of(tmp_path / "stars.dat", content.replace("\n", end).encode())
    assert list(stars.units) == list(table) == ["name", "Teff", "L"]
    assert_stars(stars)
    assert stars.count() == 3
    lines = written(stars, tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "name,Teff,L,age"
    assert len(lines) == 4


UNITS = {
    "commas": "name,Teff,L\n,K,Lsun\n",
    "dashes for none": "name,Teff,L\n---,K,solLum\n",
    "in square brackets": "name,Teff,L\n,[K],[solLum]\n",
    "in brackets": "name,Teff,L\nstring,(K),(solLum)\n",
    "tabs, and a rule": "name\tTeff\tL\n \tK\tsolLum\n--\t------\t---\n",
    "white space": "name Teff L\n- K Lsun\n",
    "types first": "name,Teff,L\nstr,float,float\n-,K,Lsun\n",
    "behind hashes": "# name,Teff,L\n# -,K,Lsun\n",
}


@pytest.mark.parametrize("header", UNITS.values(), ids=UNITS)
def test_a_row_of_units_is_the_units(tmp_path, header):
    mark = next((mark for mark in ",\t" if mark in header), " ")
    content = header + "".join(mark.join(map(str, row)) + "\n" for row in ROWS)
    stars, _ = table_of(tmp_path / "stars.tsv", content)
    assert {name: u.Unit(unit) for name, unit in stars.units.items() if unit} == {"Teff": u.K, "L": u.Lsun}
    assert_stars(stars)
    after = Table.read(written(stars, tmp_path / "out.ecsv", "ecsv"))
    assert after["Teff"].unit == u.K


@pytest.mark.parametrize(
    "content",
    [
        "name;Teff;L\nA;5772,5;1,0\n",
        "name Teff L\nA <5000 1.0:\n",
        "name,Teff,L\nA,,\nB,5772,1\n",
        "name,Teff,L\nK,-,-\nB,5772,1\n",
        "name,Teff,L\nA,---,...\n",
    ],
)
def test_a_star_without_values_is_no_row_of_units(tmp_path, content):
    stars, table = table_of(tmp_path / "stars.csv", content)
    assert set(stars.units.values()) == {""}
    assert len(table["name"]) == len(content.splitlines()) - 1


VIZIER = """#
#   VizieR Astronomical Server
#RESOURCE=yCat_1
#Name: J/X/1
#Table\tJ_X_1:
#Column\tName\t(A4)\tName of the star\t[ucd=meta.id;meta.main]
#Column\tTeff\t(I4)\tEffective temperature\t[ucd=phys.temperature.effective]
Name\tTeff\tL
 \tK\tLsun
----\t----\t---
A1  \t5772\t1.0
B2  \t    \t0.2
C3  \t6200\t2.5

"""


def test_exports_of_vizier_have_units_and_descriptions(tmp_path):
    stars, table = table_of(tmp_path / "asu.tsv", VIZIER + "#END#\n")
    assert stars.units == {"Name": "", "Teff": "K", "L": "Lsun"}
    assert table == {"Name": ["A1", "B2", "C3"], "Teff": [5772, None, 6200], "L": [1.0, 0.2, 2.5]}
    after = Table.read(written(stars, tmp_path / "out.ecsv", "ecsv"))
    assert after["Teff"].description == "Effective temperature"
    assert stars.remarks() == []


def test_comments_of_the_exoplanet_archive_have_units_and_descriptions(tmp_path):
    content = (
        "# COLUMN pl_name:        Planet Name\n# COLUMN st_teff:        Stellar Effective Temperature [K]\n"
        "# COLUMN st_age:  Age [no unit]\n#\npl_name,st_teff,st_age\nx 1 b,5772.00,1.5\n"
    )
    stars, _ = table_of(tmp_path / "in.csv", content)
    assert stars.units == {"pl_name": "", "st_teff": "K", "st_age": ""}
    assert stars.descriptions["st_teff"] == "Stellar Effective Temperature"


def test_words_for_no_value_stay_where_there_are_no_numbers(tmp_path):
    _, table = table_of(tmp_path / "in.csv", "name,Teff,remark,none\nA,5772,unknown,\nB,unknown,unknown,-\n")
    assert table["Teff"] == [5772, None]
    assert table["remark"] == ["unknown", "unknown"]
    assert table["none"] == [None, None]


def test_of_several_tables_of_vizier_the_first_is_read_and_this_is_said(tmp_path):
    stars, table = table_of(
        tmp_path / "asu.tsv", VIZIER + VIZIER.replace("Teff", "Other").replace("\tL\n", "\tM\n")
    )
    assert table["Name"] == ["A1", "B2", "C3"]
    assert "first of its tables" in stars.remarks()[0]


MRT = """Title: Invented stars
Authors: Nobody N.
Table: Stars
================================================================================
Byte-by-byte Description of file: datafile1.txt
--------------------------------------------------------------------------------
   Bytes Format Units   Label   Explanations
--------------------------------------------------------------------------------
   1-  6 A6     ---     Name    Name of the star (1)
   8- 26 I19    ---     Gaia    ? Identifier
  28- 33 F6.1   K       Teff    ?=-9.9 Effective
                                 temperature
  35- 38 F4.1   [Lsun]  logL    ? Luminosity
--------------------------------------------------------------------------------
Note (1): as it should be.
--------------------------------------------------------------------------------
HD 1   4583627001381815937 5772.0  0.0
000002                      -9.90 -0.7
HD 33  5348723816842275585 4500.0
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_machine_readable_tables_are_read_with_units_and_missing_values(tmp_path, end):
    stars, table = table_of(tmp_path / "table.txt", MRT.replace("\n", end))
    assert table["Name"] == ["HD 1", "000002", "HD 33"]
    assert table["Gaia"] == [4583627001381815937, None, 5348723816842275585]
    np.testing.assert_array_equal(numbers(stars, "Teff"), [5772, np.nan, 4500])
    np.testing.assert_array_equal(numbers(stars, "logL"), [0, -0.7, np.nan])
    assert u.Unit(stars.units["logL"]) == u.dex(u.Lsun)
    after = Table.read(written(stars, tmp_path / "out.ecsv", "ecsv"))
    assert after["Teff"].description == "Effective temperature"


def test_a_description_without_rows_is_told(tmp_path):
    with pytest.raises(DataError, match="holds no star"):
        table_of(tmp_path / "ReadMe", MRT[: MRT.index("HD 1 ")])


def test_tables_of_archives_in_ipac_format(tmp_path):
    content = (
        "\\fixlen = T\n\\ a comment\n|  name|  st_teff| st_lum   |\n|  char|   double| double   |\n"
        "|      |        K| [Lsun]   |\n|  null|     null| null     |\n"
        "   A 1     5772.0  0.0       \n   B 2       null -0.7       \n"
    )
    stars, table = table_of(tmp_path / "stars.tbl", content)
    assert table == {"name": ["A 1", "B 2"], "st_teff": [5772.0, None], "st_lum": [0.0, -0.7]}
    assert stars.units["st_teff"] == "K"


ALIGNED = {
    "names with blanks": """\
name    Teff   L
HD 1    5772   1.0
HD 222  4500.5 0.2
BD 3    6200   2.5
""",
    "cells without values": """\
name   remark   Teff    L
A1     good     5772    1.0
B2              4500.5  0.2
C3     so so    6200    2.5
""",
    "numbers of rows": """\
  name    Teff    L
0   A1  5772.0  1.0
1   B2  4500.5  0.2
2   C3  6200.0  2.5
""",
    "units below": """\
name   Teff   L
       K      Lsun
A1     5772   1.0
B2     4500.5 0.2
C3     6200   2.5
""",
    "a rule": """\
name     Teff   L
         K      Lsun
-------- ------ ----
A1 x     5772   1.0
B2       4500.5 0.2
C3 y     6200   2.5
""",
    "the numbered columns of SExtractor": """\
#   1 name    Name of the star
#   2 Teff    Effective temperature  [K]
#   3 L       Luminosity             [Lsun]
A1   5772   1.0
B2   4500.5 0.2
C3   6200   2.5
""",
}
NAMES = {
    "names with blanks": ["HD 1", "HD 222", "BD 3"],
    "a rule": ["A1 x", "B2", "C3 y"],
}


@pytest.mark.parametrize("layout", ALIGNED)
def test_columns_that_stand_below_their_names(tmp_path, layout):
    stars, table = table_of(tmp_path / "stars.txt", ALIGNED[layout])
    assert numbers(stars, "Teff") == [5772, 4500.5, 6200]
    assert numbers(stars, "L") == [1.0, 0.2, 2.5]
    assert table["name"] == NAMES.get(layout, ["A1", "B2", "C3"])
    assert stars.units["Teff"] == ("K" if "Lsun" in ALIGNED[layout] else "")
    if "remark" in table:
        assert table["remark"] == ["good", None, "so so"]


def test_what_stands_nowhere_is_told_with_its_row(tmp_path):
    with pytest.raises(DataError, match="row 2 has 2 values and the header 3 names"):
        table_of(tmp_path / "stars.txt", "name Teff L\nA 5772 1.0\nB 4500\nC 1 2\n")


@pytest.mark.parametrize(
    ("content", "same"),
    [
        (",name,Teff,L\n0,A1,5772,1.0\n1,B2,4500.5,0.2\n2,C3,6200,2.5\n", True),
        ("name,Teff,L,\nA1,5772,1.0,\nB2,4500.5,0.2,\nC3,6200,2.5,\n", True),
        (",name,Teff,,L,\n0,A1,5772,x,1.0,\n1,B2,4500.5,,0.2,\n2,C3,6200,,2.5,\n", True),
        ("name,Teff,L\nA1,5772,1.0,\nB2,4500.5,0.2,\nC3,6200,2.5,\n", False),
        ('"name","Teff","L"\n"1","A1",5772,1.0\n"2","B2",4500.5,0.2\n"3","C3",6200,2.5\n', False),
    ],
)
def test_columns_without_a_name_are_read_and_written_back_without(tmp_path, content, same):
    stars, table = table_of(tmp_path / "in.csv", content)
    assert_stars(stars)
    assert "" not in table
    lines = written(stars, tmp_path / "out.csv").read_text().splitlines()
    if same:
        assert lines == [
            line + end for line, end in zip(content.splitlines(), [",age", ",0", ",0", ",0"], strict=True)
        ]
    for kind in ("ecsv", "parquet", "fits"):
        after = open_list(written(stars, tmp_path / f"out.{kind}", kind))
        assert list(after.units) == [*stars.units, "age"]


def test_a_name_that_a_nameless_column_would_get_may_be_there(tmp_path):
    stars, _ = table_of(tmp_path / "in.csv", ",col1,Teff,L\n0,A1,5772,1.0\n")
    assert len(set(stars.units)) == 4
    assert written(stars, tmp_path / "out.csv").read_text().splitlines()[0] == ",col1,Teff,L,age"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Sun,5772,1.0\nA1,4500,0.2\n", "no header: its first line, 'Sun,5772,1.0'"),
        ("Sun 5772 1.0\nA1 4500 0.2\n", "no header"),
        ("# nothing\n\n", "empty"),
    ],
)
def test_lists_without_a_header_are_told(tmp_path, content, words):
    with pytest.raises(DataError, match=words):
        table_of(tmp_path / "in.csv", content)


def test_a_comment_with_as_many_words_as_columns_is_no_header(tmp_path):
    _, table = table_of(tmp_path / "in.csv", "# by me, from Gaia, today\nname,Teff,L\nA1,5772,1.0\n")
    assert list(table) == ["name", "Teff", "L"]
    _, table = table_of(tmp_path / "in.csv", "# luminous, hot, blue\nid,T_1,L\nA1,---,1.0\n")
    assert list(table) == ["id", "T_1", "L"]


def test_a_header_may_go_over_several_lines(tmp_path):
    stars, _ = table_of(tmp_path / "in.csv", 'name,"Teff\n[K]",L\nA1,5772,1.0\n')
    assert list(stars.units) == ["name", "Teff\n[K]", "L"]
    assert numbers(stars, "L") == [1.0]


TEXT = "name,Teff,L\n" + "".join(",".join(map(str, row)) + "\n" for row in ROWS)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]


def zstd(content: bytes) -> bytes:
    stream = pa.BufferOutputStream()
    with pa.CompressedOutputStream(stream, "zstd") as out:
        out.write(content)
    return stream.getvalue().to_pybytes()


PACKED = {"plain": bytes, "gzip": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zstd": zstd}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED)
def test_packing_and_encoding_are_told_by_the_content(tmp_path, encoding, packed):
    content = "# étoiles\n" + TEXT.replace("A1", "Été")
    stars, table = table_of(tmp_path / "stars.csv", packed(content.encode(encoding)))
    assert table["name"] == ["Été", "B2", "C3"]
    assert numbers(stars, "Teff") == [5772, 4500.5, 6200]
    assert [("Latin-1" in remark) for remark in stars.remarks()] == ([True] if encoding == "latin-1" else [])


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, lzma.compress, zstd])
@pytest.mark.parametrize("kind", ["fits", "parquet", "votable", "ascii.ecsv", "ascii.mrt"])
@pytest.mark.filterwarnings("ignore")
def test_other_formats_may_be_packed_and_nothing_of_it_stays(tmp_path, monkeypatch, packed, kind):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    synthetic().write(tmp_path / "plain", format=kind)
    stars, _ = table_of(tmp_path / "packed", packed((tmp_path / "plain").read_bytes()))
    assert_stars(stars)
    assert u.Unit(stars.units["Teff"]) == u.K
    stars.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["packed", "plain"]


def test_latin_1_far_down_is_read_as_such_whatever_the_blocks(tmp_path, monkeypatch):
    content = (
        TEXT.encode()
        + b"".join(b"star %d,5772,1\n" % i for i in range(2000))
        + "É é,1,1\nµ Cep,1,1\n".encode("cp1252")
    )
    names = []
    for block in (1 << 22, 100, 7):
        monkeypatch.setattr("stelnet.starlists.decoding.BLOCK", block)
        stars, table = table_of(tmp_path / "in.csv", content)
        names.append(table["name"])
        assert any("Latin-1" in remark for remark in stars.remarks())
    assert names[0] == names[1] == names[2]
    assert names[0][-2:] == ["É é", "µ Cep"]


def test_quotes_may_span_blocks_and_lines(tmp_path, monkeypatch):
    rows = [f'{i},"a ""b"",\nc {i}",5\'3" N,5772' for i in range(50)]
    content = "id,note,dec,Teff\n" + "\n".join(rows)
    expected = [f'a "b",\nc {i}' for i in range(50)]
    for block in (1 << 22, 300, 50):
        monkeypatch.setattr("stelnet.starlists.decoding.BLOCK", block)
        _, table = table_of(tmp_path / "in.csv", content)
        assert table["note"] == expected
        assert set(table["dec"]) == {"5'3\" N"}


@pytest.mark.parametrize(
    "mark",
    [
        "",
        " ",
        "-",
        "--",
        "-----",
        ".",
        "....",
        "…",
        "—",
        "\\N",
        "null",
        "None",
        "NaN",
        "N/A",
        "n.a.",
        "#N/A",
        "INDEF",
        "~",
    ],
)
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_marks_of_missing_values(tmp_path, mark, separator):
    rows = [["name", "Teff", "L"], ["A", "5772", "1"], ["B", mark, "1"]]
    stars, table = table_of(tmp_path / "in.csv", "\n".join(map(separator.join, rows)))
    np.testing.assert_array_equal(numbers(stars, "Teff"), [5772, np.nan])
    assert table["Teff"][0] == 5772
    assert table["Teff"][1] is None or np.isnan(table["Teff"][1])


def test_negative_numbers_and_fractions_are_no_marks(tmp_path):
    stars, _ = table_of(tmp_path / "in.csv", "Teff,L\n-.5,.5\n-1,1.\n")
    assert numbers(stars, "Teff") == [-0.5, -1]
    assert numbers(stars, "L") == [0.5, 1]


def test_bad_values_are_told_with_row_and_number_or_taken_as_missing(tmp_path):
    content = "Teff,L\n5772,1\nhot,1\n<5000,1\n---,1\n4000,1\n5e3:,1\n"
    stars, _ = table_of(tmp_path / "in.csv", content)
    with pytest.raises(
        DataError, match=r"row 2, column 'Teff': 'hot' is not a number, nor are 2 more.*--bad-values"
    ):
        numbers(stars, "Teff")
    stars.bad_values = "missing"
    # the first rows are looked at before
    stars.numbers(stars.head(["Teff"]), "Teff", 0)
    np.testing.assert_array_equal(numbers(stars, "Teff"), [5772, np.nan, np.nan, np.nan, 4000, np.nan])
    assert stars.remarks() == [
        "taken as missing: 3 values of column 'Teff' that are no number, first 'hot' in row 2"
    ]


def test_the_same_for_text_in_other_formats(tmp_path):
    Table({"Teff": ["5772", "hot", "---"], "L": [1.0, 2, 3]}).write(tmp_path / "in.fits")
    stars = open_list(tmp_path / "in.fits")
    with pytest.raises(DataError, match="row 2, column 'Teff': 'hot' is not a number; "):
        numbers(stars, "Teff")
    stars.bad_values = "missing"
    np.testing.assert_array_equal(numbers(stars, "Teff"), [5772, np.nan, np.nan])


def test_one_bracket_among_units_is_a_logarithm(tmp_path):
    stars, _ = table_of(tmp_path / "in.csv", "name,Teff,logL\n,K,[Lsun]\nA,5772,0.1\n")
    assert stars.units == {"name": "", "Teff": "K", "logL": "[Lsun]"}


def test_tables_of_ipac_need_no_units(tmp_path):
    stars, table = table_of(tmp_path / "in.tbl", "|name |st_teff|st_lum|\n A 1   5772    0.1    \n")
    assert stars.units == {"name": "", "st_teff": "", "st_lum": ""}
    assert table == {"name": ["A 1"], "st_teff": [5772], "st_lum": [0.1]}


FOREIGN = {
    "LaTeX": b"\\begin{table}\n\\end{table}",
    "Excel": b"PK\x03\x04" + bytes(30),
    "web page": b"\n<!DOCTYPE html>\n<html><body>404</body></html>",
    "HDF5": b"\x89HDF\r\n\x1a\n",
    "JSON": b'[{"Teff": 5772, "L": 1}]',
    "PDF": b"%PDF-1.7\n",
    "tar": bytes(257) + b"ustar\x00" + bytes(300),
    "NumPy": b"\x93NUMPY\x01\x00",
}


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_what_is_no_table_is_named(tmp_path, what, packed):
    with pytest.raises(DataError, match=rf"stars\.csv: no table that can be read, but .*{what}"):
        table_of(tmp_path / "stars.csv", packed(FOREIGN[what]))


def test_the_format_is_that_of_the_content_not_of_the_name(tmp_path):
    synthetic().write(tmp_path / "stars.fits")
    (tmp_path / "stars.fits").rename(tmp_path / "stars.csv")
    assert open_list(tmp_path / "stars.csv").kind == "fits"
    (tmp_path / "stars.fits").write_text(TEXT)
    assert_stars(open_list(tmp_path / "stars.fits"))


CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters='"\r\0', exclude_categories=("C", "Z")), max_size=5
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(CELLS.map("x".__add__), st.integers(1000, 9999), st.floats(0.1, 9)), min_size=1, max_size=9
    ),
    separator=st.sampled_from(",\t;| "),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    block=st.sampled_from([1 << 22, 64]),
)
def test_any_stars_are_read_however_they_are_written(
    tmp_path, monkeypatch, rows, separator, end, encoding, block
):
    def cell(value) -> str:
        # quoted where need be
        return f'"{value}"' if separator in str(value) else str(value)

    lines = [["name", "Teff", "L"], *([cell(value) for value in row] for row in rows)]
    content = end.join(map(separator.join, lines)) + end
    with monkeypatch.context() as patch:
        patch.setattr("stelnet.starlists.decoding.BLOCK", block)
        stars, _ = table_of(tmp_path / "in.dat", content.encode(encoding))
        assert stars.head(["name"])["name"].to_pylist() == [row[0] for row in rows]
        assert numbers(stars, "Teff") == [row[1] for row in rows]
        assert numbers(stars, "L") == [row[2] for row in rows]
