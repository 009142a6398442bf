"""What VizieR answers, in its own format, for a server on this machine; all rows are synthetic."""

import io
import re
from dataclasses import dataclass, field

from astropy.io.votable.tree import Field, Info, Resource, TableElement, VOTableFile
from loopback import Reply

FILE = {"name": "stars.vot", "mirror": "vizier/stars.vot", "url": None, "bytes": None, "sha256": None}
SPEC = {
    "table": "J/Synth/1/stars",
    "rows": 4,
    "constraints": {"HIP": ">0"},
    "columns": {
        "HIP": {},
        "Name": {},
        "Lum": {"unit": "Lsun"},
        "log(g)": {"unit": "[cm/s2]"},
        "[Fe/H]": {"unit": ["dex", "[Sun]"], "ask": ["[Fe/H]", "Fe/H"]},
    },
}


@dataclass
class Answer:
    """A table as VizieR sends it: name -> (unit, type, cells), None for an empty cell."""

    name: str = "J/Synth/1/stars"
    columns: dict = field(
        default_factory=lambda: {
            "recno": (None, "int", [1, 2, 3, 4]),
            "HIP": (None, "int", [11, 12, 13, 14]),
            "Name": (None, "char", ["Synthetic 1", " Synthetic 2 ", "", "Synthetic 4"]),
            "Lum": ("Lsun", "float", [0.35, 1.0, None, 120.7]),
            "log(g)": ("[cm/s2]", "float", [4.4, 4.1, 3.9, None]),
            "[Fe/H]": ("[Sun]", "float", [0.03, -0.41, None, 0.0]),
        }
    )

    def changed(self, name: str, unit: str | None = None, cells: list | None = None) -> "Answer":
        old = self.columns[name]
        new = (old[0] if unit is None else unit or None, old[1], cells or old[2])
        return Answer(self.name, self.columns | {name: new})

    def without(self, name: str) -> "Answer":
        return Answer(self.name, {key: value for key, value in self.columns.items() if key != name})


def document(*answers: Answer, asked: list[str] | None = None, limit: int | None = None) -> bytes:
    """The VOTable of VizieR's answer with the columns that were asked for; None: all of them."""
    file = VOTableFile(version="1.4")
    file.infos.append(Info(ID="VERSION", name="votable-version", value="1.99+ (14-Oct-2013)"))
    for answer in answers:
        resource = Resource(name=answer.name.rpartition("/")[0], ID="yCat")
        table = TableElement(file, name=answer.name)
        resource.tables.append(table)
        file.resources.append(resource)
        columns = {k: v for k, v in answer.columns.items() if asked is None or k in asked}
        for name, (unit, kind, _) in columns.items():
            size = {"arraysize": "*"} if kind == "char" else {}
            identifier = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
            table.fields.append(Field(file, name=name, ID=identifier, datatype=kind, unit=unit, **size))
        cells = [column[2] for column in columns.values()]
        rows = list(zip(*cells, strict=True))[:limit]
        table.create_arrays(len(rows))
        for i, row in enumerate(rows):
            table.array[i] = tuple(0 if cell is None else cell for cell in row)
            table.array.mask[i] = tuple(cell is None for cell in row)
    stream = io.BytesIO()
    file.to_xml(stream)
    return stream.getvalue()


def asu(body: bytes) -> dict[str, str]:
    """The parameters of a request, which astroquery writes one a line."""
    return dict(line.partition("=")[::2] for line in body.decode().splitlines())


def vizier(*answers: Answer):
    """A server's behaviour: the columns that were asked for and, unless all are wanted, 50 rows."""

    def reply(body: bytes) -> Reply:
        asked = asu(body)
        limit = None if asked.get("-out.max") == "unlimited" else 50
        return Reply(document(*answers, asked=asked["-out"].split(","), limit=limit))

    return reply
