"""Names of columns, as people and archives spell them."""

import re
from collections.abc import Iterable, Mapping, Sequence


def plain(name: str) -> str:
    """Return the letters and digits of a name."""
    return re.sub(r"[^0-9A-Za-z]", "", name)


def key(name: str) -> str:
    """Return the letters and digits of a name, in lower case."""
    return plain(name).lower()


def match_columns(columns: Iterable[str], spellings: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return key -> column of a table, for the keys of which the table has one, and only one, spelling.

    Exports rewrite brackets and slashes (``[Fe/H]``, ``__Fe_H_``, ``Fe/H``), some also the case. The
    strictest agreement counts: of all characters, of letters and digits, of these without case. VizieR's
    ``e_x`` and ``E_x`` differ, so no column serves two keys.
    """
    free, found = list(columns), {}
    for simplified in (str, plain, key):
        for wanted, names in spellings.items():
            alike = {simplified(name) for name in names}
            same = [column for column in free if simplified(column) in alike]
            if wanted not in found and len(same) == 1:
                found[wanted] = same[0]
        free = [column for column in free if column not in found.values()]
    return {wanted: column for wanted, column in found.items() if list(found.values()).count(column) == 1}
