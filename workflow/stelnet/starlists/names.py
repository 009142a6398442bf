"""What the names of columns say: units in brackets, what stands before and behind a known name, errors."""

import re
from collections.abc import Iterable, Iterator

from stelnet.spelling import key
from stelnet.starlists.quantities import Quantity
from stelnet.units import parse_unit

#: Words before or behind the name of a quantity that say where it comes from, not what it is.
AFFIXES = frozenset(
    (
        *("iso", "koi", "kic", "kep", "kepler", "k2", "epic", "tic", "tess", "gaia", "dr1", "dr2", "dr3"),
        *("edr3", "hip", "apogee", "galah", "lamost", "rave", "segue", "sdss", "cks", "swp", "mist"),
        *("parsec", "padova", "basti", "yrec", "garstec", "phot", "photometric", "spec", "spectro"),
        *("spectroscopic", "sed", "seis", "seismic", "irfm", "rv", "adopted", "adopt", "best", "final"),
        *("st", "star", "stellar", "host", "primary", "val", "value", "med", "median", "mean", "avg", "ave"),
        *("p50", "q50", "gspphot", "gspspec", "flame", "esphs", "espels", "msc", "ann"),
    )
)
#: Words that say that a column holds the value itself, beside its errors.
VALUES = ("val", "value", "med", "median", "mean", "50", "p50", "q50", "50th")
#: What joins put behind names that both tables have.
JOINED = re.compile(r"^(\d{1,2}|x|y|l|r|left|right)$", re.I)
#: Words of names that no star has.
OTHERS = frozenset(
    ("pl", "planet", "eqt", "teq", "dust", "disk", "disc", "spot", "corona", "sky", "ccd", "detector")
)
_OPENING = {"]": "[", ")": "(", "}": "{"}


def with_unit(name: str) -> tuple[str, str]:
    """Return a name without what stands in brackets at its end, and that; empty if there is nothing.

    The brackets that close last count: of ``logL [dex(Lsun)]`` those around ``dex(Lsun)``.
    """
    name = name.strip()
    closing = name[-1:]
    opening = _OPENING.get(closing)
    if opening is None:
        return name, ""
    depth = 0
    for i in range(len(name) - 1, -1, -1):
        depth += (name[i] == closing) - (name[i] == opening)
        if depth == 0:
            stem, inner = name[:i].strip(), name[i + 1 : -1].strip()
            return (stem, inner) if stem and inner else (name, "")
    return name, ""


def bare(name: str) -> str:
    """Return a name without a unit in brackets behind it."""
    stem, inner = with_unit(name)
    return stem if inner and parse_unit(inner) is not None else name


def words_of(name: str) -> list[str]:
    """Return the words of a name: ``isoTeff_err1`` has iso, Teff and err1."""
    return re.findall(r"[0-9A-Za-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))


def form_of(name: str, quantity: Quantity, others: Iterable[str] = ()) -> tuple[str, bool] | None:
    """Return the form of a quantity that a name tells, and whether it does so without affixes.

    Parameters
    ----------
    others
        All names of the list: what a join adds is known by its counterpart.
    """
    if re.search(r"^[+-]|[+-]$", bare(name)):
        # a side of its error
        return None
    stem = with_unit(name)[0] if name.endswith("]") else bare(name)
    form = quantity.names.get(key(name)) or quantity.names.get(key(stem))
    if form:
        return form, True
    for core, _, _ in cores(bare(name), others):
        form = quantity.names.get(key(core))
        # one letter with affixes says too little
        if form and len(key(core)) > 1:
            return form, False
    return None


def cores(name: str, others: Iterable[str] = ()) -> Iterator[tuple[str, str, str]]:
    """Yield what is left of a name without affixes, and these: before and behind; the longest one first."""
    words = words_of(name)
    before = 0
    while before < len(words) - 1 and words[before].lower() in AFFIXES:
        before += 1
    behind = 0
    while behind < len(words) - 1:
        word = words[-1 - behind]
        joined = (
            not behind and JOINED.match(word) and (word.isdigit() or _has_counterpart(name, word, others))
        )
        if word.lower() not in AFFIXES and not joined:
            break
        behind += 1
    ends = [(i, j) for i in range(before + 1) for j in range(behind + 1) if i or j]
    for i, j in sorted(ends, key=sum):
        core = words[i : len(words) - j]
        if core:
            yield "_".join(core), "_".join(words[:i]), "_".join(words[len(words) - j :])


def _has_counterpart(name: str, word: str, others: Iterable[str]) -> bool:
    """Return whether the other table of a join has the column too."""
    other = {"x": "y", "y": "x", "l": "r", "r": "l", "left": "right", "right": "left"}[word.lower()]
    return name[: -len(word)].lower() + other in {one.lower() for one in others}


#: Words of errors.
_ERROR = "(?:e|er|errs?|errors?|unc|uncert|uncertainty|sig|sigma|sd|std|stddev|stdev|se|stderr)"
#: Pairs of sides (lower, upper): of errors without a word of errors, of bounds, of errors with such a word.
_SIGNS = (
    *(("minus", "plus"), ("neg", "pos"), ("negative", "positive"), ("m", "p"), ("n", "p"), ("down", "up")),
    *(("em", "ep"), ("en", "ep"), ("eneg", "epos"), ("dn", "up"), ("elo", "ehi"), ("eminus", "eplus")),
)
_BOUNDS = (
    *(("lower", "upper"), ("lo", "hi"), ("low", "high"), ("lo", "up"), ("low", "up"), ("l", "u")),
    *(("min", "max"), ("inf", "sup"), ("lower", "higher"), ("16", "84"), ("16th", "84th"), ("159", "841")),
)
_SIDES = (*_SIGNS, *_BOUNDS[:9], ("2", "1"), ("below", "above"), ("left", "right"), ("d", "u"))
_SIDE = "|".join(sorted({side for pair in _SIDES for side in pair}, key=len, reverse=True))
_SIGN = "|".join(sorted({side for pair in _SIGNS for side in pair}, key=len, reverse=True))
_BOUND = "|".join(sorted({side for pair in _BOUNDS for side in pair}, key=len, reverse=True))
_PATTERNS = (
    ("size", rf"{_ERROR}\||\|{_ERROR}|u\|"),
    ("sizes", rf"{_ERROR}(?P<a>{_SIDE})\||(?P<b>{_SIDE}){_ERROR}\||{_ERROR}\|(?P<c>{_SIDE})"),
    ("sizes", rf"(?P<a>{_SIDE})\|{_ERROR}|\|{_ERROR}(?P<b>{_SIDE})|\|(?P<c>{_SIDE}){_ERROR}"),
    ("sizes", rf"(?P<a>{_SIGN})\||\|(?P<b>{_SIGN})"),
    ("bounds", rf"(?:percentile|perc|pct|quantile|conf|ci|p|q)?(?P<a>{_BOUND})\|"),
    ("bounds", rf"\|(?:percentile|perc|pct|quantile|conf|ci|p|q)?(?P<a>{_BOUND})(?:percentile|perc|pct)?"),
)
_PAIRS = {"sizes": _SIDES, "bounds": _BOUNDS}
_COMPILED = [(kind, re.compile(pattern)) for kind, pattern in _PATTERNS]
_ERROR_LIKE = re.compile(
    r"(^|_)(e|sig|std|sd|unc|u|b|d|eneg|epos|en|ep|em)(_|\d|$)|err|uncert|sigma|unc$|(?-i:(^|_)[eb](?=[A-Z]))|"
    r"(^|_)(lower|upper)(_|\d|$)|percentile|(lower|upper)[12]?$",
    re.I,
)


def is_error_like(name: str) -> bool:
    """Return whether a name looks like that of an error, a bound or a percentile."""
    return bool(_ERROR_LIKE.search(re.sub(r"[^0-9A-Za-z]+", "_", name)))


def beside(name: str, stem: str) -> Iterator[str]:
    """Yield what stands around a stem in a name, as ``before|behind`` in lower case, letters and digits."""
    name = re.sub(r"^\+|\+$", " plus ", re.sub(r"^-|-$", " minus ", bare(name).strip()))
    letters = key(stem)
    if len(letters) == 1:
        # a stem of one letter is set apart, and its case counts: e_L, not "el"
        words = re.findall(r"[0-9A-Za-z]+", name)
        for i, word in enumerate(words):
            if word == stem.strip():
                yield key("".join(words[:i])) + "|" + key("".join(words[i + 1 :]))
        return
    whole = key(name)
    for match in re.finditer(f"(?={letters})", whole):
        yield f"{whole[: match.start()]}|{whole[match.start() + len(letters) :]}"


def roles_of(around: str) -> Iterator[tuple[str, str, str]]:
    """Yield what a column may be, of which it is known what stands around a stem in its name.

    Yields
    ------
    kind
        ``size``, ``sizes`` or ``bounds``.
    template
        What stands around, without the side.
    side
        The side, empty where there is but one error.
    """
    for kind, pattern in _COMPILED:
        match = pattern.fullmatch(around)
        if match:
            group = next((name for name, text in match.groupdict().items() if text), None)
            if group is None:
                yield kind, around, ""
            else:
                start, end = match.span(group)
                yield kind, f"{around[:start]}*{around[end:]}", match[group]


def pairs(kind: str, sides: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the pairs (lower, upper) of a kind that are among some sides."""
    there = set(sides)
    for lower, upper in _PAIRS[kind]:
        if {lower, upper} <= there:
            yield lower, upper


#: Words around a stem that mark limits, and values that are uncertain.
_LIMITS = re.compile(r"l\||\|(?:is|up|u|lo|l|low|upper|lower)?(?:lim|limit)s?(?:flag|flg)?|lim\||limit\|")
_UNCERTAIN = re.compile(r"u\|")
_MARKS = re.compile(r"^[lu]_|(^|_)lim(_|$)|lim(it)?s?_?(flag|flg)?$|^f?_?lim", re.I)


def is_mark_like(name: str) -> bool:
    """Return whether a name looks like that of a column of marks beside another."""
    return bool(_MARKS.search(name))


def marks(name: str, stem: str) -> str:
    """Return ``limit`` or ``uncertain`` if a name is that of marks of a stem's column, else nothing."""
    for around in beside(name, stem):
        if _LIMITS.fullmatch(around):
            return "limit"
        if _UNCERTAIN.fullmatch(around):
            return "uncertain"
    return ""
