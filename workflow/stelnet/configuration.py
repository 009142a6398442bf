"""The configuration, checked before the first job: by its JSON schema, then for what a schema cannot say."""

import ast
import math
import os
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from stelnet.errors import ConfigError
from stelnet.files import PACKAGE

SCHEMAS = PACKAGE.parent / "schemas"
#: Most values of a configuration, and most characters of a message about one.
VALUES, TOLD = 100_000, 400


def _told(error: ValidationError) -> str:
    """Turn a schema violation into one line that names the key and what is allowed."""
    key = ".".join(map(str, error.absolute_path)) or "the top level"
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        schema = error.schema if isinstance(error.schema, Mapping) else {}
        known = schema.get("properties", {})
        unknown = ", ".join(sorted(str(name) for name in error.instance if name not in known))
        return f"{key}: unknown key {unknown}; allowed are {', '.join(known)}."
    if error.validator == "required":
        required, there = cast("list[str]", error.validator_value), cast("dict[str, Any]", error.instance)
        missing = ", ".join(name for name in required if name not in there)
        return f"{key}: missing key {missing}."
    message = error.message if len(error.message) <= TOLD else f"{error.message[:TOLD]} ..."
    return f"{key}: {message}."


def _refuse_unsound(value: Any, source: str) -> None:
    """Raise ConfigError for what a schema lets through: nan, control characters, keys that are no text."""
    # lists and blocks may hold each other, many times over: no recursion, and an end
    seen, waiting = 0, [("", value)]
    while waiting:
        key, value = waiting.pop()
        seen += 1
        if seen > VALUES or len(key) > TOLD:
            raise ConfigError(f"{source}: {key[:TOLD]}: holds more than {VALUES} values, or too deep ones.")
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{source}: {key}: {value} is no number that can be used.")
        if isinstance(value, str) and any(unicodedata.category(sign) == "Cc" for sign in value):
            raise ConfigError(f"{source}: {key}: {value[:TOLD]!r} holds control characters.")
        if isinstance(value, Mapping):
            for name, below in value.items():
                if not isinstance(name, str) or not name.isprintable():
                    raise ConfigError(f"{source}: {key or 'the top level'}: key {name!r} is no plain text.")
                waiting.append((f"{key}.{name}" if key else name, below))
        elif isinstance(value, list):
            waiting += [(f"{key}.{number}", below) for number, below in enumerate(value)]


def _refuse_twins(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for names that differ by case only: there are disks that take them for one."""
    for kind, groups in (("sample", ("catalogues", "clusters")), ("star list", ("star_lists",))):
        names: dict[str, str] = {}
        for group in groups:
            for name in config[group]:
                first = names.setdefault(name.lower(), name)
                if first != name:
                    raise ConfigError(
                        f"configuration: {group}.{name}: differs by case only from {kind} {first}."
                    )


def validate(value: Any, schema_name: str, source: str) -> None:
    """Check a value against ``workflow/schemas/<schema_name>.schema.yaml``.

    Raises
    ------
    ConfigError
        Names `source` (a file), the first offending key, and what is allowed.
    """
    _refuse_unsound(value, source)
    schema = yaml.safe_load((SCHEMAS / f"{schema_name}.schema.yaml").read_text(encoding="utf-8"))
    error = best_match(Draft202012Validator(schema).iter_errors(value))
    if error:
        raise ConfigError(f"{source}: {_told(error)}")


def registered(module: str) -> list[str]:
    """Return the names under which the classes of a module are registered, without importing it.

    Reads the ``@register("name")`` decorators, because importing the modules in question would load torch
    whenever the configuration is checked.
    """
    tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
    return [
        ast.literal_eval(call.args[0])
        for node in tree.body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef))
        for call in node.decorator_list
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "register"
    ]


def check(config: Mapping[str, Any], datasets: Mapping[str, Any]) -> None:
    """Check the whole configuration; `datasets` is the content of resources/datasets.yaml.

    Raises
    ------
    ConfigError
        Names the key and what is allowed.
    """
    validate(config, "config", "configuration")
    _refuse_twins(config)

    def require(holds: bool, key: str, message: str) -> None:
        if not holds:
            raise ConfigError(f"configuration: {key}: {message}.")

    require(
        config["report_variant"] in config["variants"],
        "report_variant",
        f"{config['report_variant']!r} is not built; allowed are {', '.join(config['variants'])}",
    )
    require(
        config["simulated"] == (Path(os.path.abspath(config["output_dir"])).name == "demo"),
        "output_dir",
        "simulated results, and only they, go to a folder named 'demo', so that none is taken for a real one",
    )
    _check_labels(config)
    shared = config["catalogues"].keys() & config["clusters"].keys()
    require(not shared, "clusters", f"{', '.join(sorted(shared))} is the name of a catalogue too")
    for group in ("catalogues", "clusters"):
        for name, block in config[group].items():
            key = f"{group}.{name}"
            adapters = sorted(
                path.stem for path in (PACKAGE / "catalogues").glob("*.py") if not path.stem.startswith("_")
            )
            require(
                block["adapter"] in adapters,
                f"{key}.adapter",
                f"no module {block['adapter']!r} in workflow/stelnet/catalogues; there are "
                + ", ".join(adapters),
            )
            require(
                block["source"] in block["inputs"],
                f"{key}.source",
                f"{block['source']!r} has no inputs; allowed are {', '.join(block['inputs'])}",
            )
            for source, roles in block["inputs"].items():
                for role, dataset in roles.items():
                    require(
                        dataset in datasets,
                        f"{key}.inputs.{source}.{role}",
                        f"{dataset!r} is not in resources/datasets.yaml; there are {', '.join(datasets)}",
                    )
    mist = config["mist"]
    require(
        mist["zams_eep"] < mist["end_eep"] <= mist["last_eep"],
        "mist.end_eep",
        "must lie above zams_eep and not above last_eep",
    )
    training, transfer = config["training"], config["transfer"]
    require(
        transfer["start_bootstrap"] < training["bootstraps"],
        "transfer.start_bootstrap",
        f"must be below training.bootstraps, which is {training['bootstraps']}",
    )
    for key, name, module in (
        ("training.network", training["network"], "training/networks"),
        ("training.loss", training["loss"], "training/losses"),
        ("transfer.loss", transfer["loss"], "training/losses"),
    ):
        names = registered(module)
        require(
            name in names,
            key,
            f"{name!r} is not registered in workflow/stelnet/{module}.py; there are {', '.join(names)}",
        )


def output_folder(given: Any) -> Any:
    """Return the one spelling of the output folder: relative below the working folder, else absolute.

    What is no text is returned as it is, for the schema to refuse.

    Raises
    ------
    ConfigError
        There is a file in its place, it is the working folder itself, or its name cannot be used.
    """
    if not isinstance(given, str) or not given:
        return given

    def refuse(why: str) -> None:
        raise ConfigError(f"configuration: output_dir: {given!r} {why}.")

    if not given.isprintable() or set(given) & set("{}"):
        refuse("has characters that the name of a folder of results cannot have")
    absolute, here = Path(os.path.abspath(os.path.expanduser(given))), Path.cwd()
    for path in (absolute, *absolute.parents):
        if path.exists() and not path.is_dir():
            refuse(f"needs a folder where the file {path} is")
    if absolute == here:
        refuse("is the working folder; results need a folder of their own")
    return absolute.relative_to(here).as_posix() if absolute.is_relative_to(here) else str(absolute)


def _check_labels(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for a label that is not one line of text, or is that of another sample too."""
    labels: dict[str, str] = {}
    for group in ("catalogues", "clusters"):
        for name, block in config[group].items():
            key, label = f"{group}.{name}.label", block["label"]
            if not label.isprintable() or not label.strip():
                raise ConfigError(f"configuration: {key}: {label!r} is not one line of text.")
            if (first := labels.setdefault(label, key)) != key:
                raise ConfigError(f"configuration: {key}: {label!r} is {first} too; give each its own.")


def flatten(value: Any, key: str = "") -> dict[str, Any]:
    """Return dotted key -> value of all leaves of a configuration or of a part of it; a list is a leaf."""
    if not isinstance(value, Mapping) or not value:
        return {key: value}
    return {
        leaf: end
        for name, part in value.items()
        for leaf, end in flatten(part, f"{key}.{name}" if key else str(name)).items()
    }


def select(config: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """Return dotted key -> value of the leaves at or below some keys; ``*`` stands for any one name.

    Keys that the configuration does not have give nothing.
    """
    found: dict[str, Any] = {}
    for key in keys:
        parts: dict[str, Any] = {"": config}
        for name in key.split("."):
            parts = {
                f"{path}.{own}" if path else str(own): part[own]
                for path, part in parts.items()
                if isinstance(part, Mapping)
                for own in (part if name == "*" else [name] if name in part else [])
            }
        for path, part in parts.items():
            found |= flatten(part, path)
    return found


def read(path: Path) -> dict[str, Any]:
    """Return the content of a file of the configuration.

    Raises
    ------
    ConfigError
        It is absent, no YAML in UTF-8, or has no keys at its top level.
    """
    if not os.path.isfile(path):
        what = "a folder" if os.path.isdir(path) else "no such file"
        raise ConfigError(f"{path}: {what}; name a file of YAML.")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not in UTF-8 (byte {error.start}); save it in that encoding.")
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{path}: not readable as YAML ({' '.join(str(error).split())}).")
    if not isinstance(content, dict | None):
        raise ConfigError(f"{path}: has no keys at its top level.")
    return content or {}


def resolve(files: Iterable[Path], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of some files and of overrides; later ones win.

    Raises
    ------
    ConfigError
        A file is absent or no YAML.
    """

    def merge(below: Any, above: Any) -> Any:
        if not isinstance(below, Mapping) or not isinstance(above, Mapping):
            return above
        return {**below, **{key: merge(below.get(key), value) for key, value in above.items()}}

    config: dict[str, Any] = {}
    for path in files:
        config = merge(config, read(path))
    resolved: dict[str, Any] = merge(config, overrides)
    return resolved


def mirror(config: Mapping[str, Any]) -> str | None:
    """Return the mirror's folder: the environment's STELNET_MIRROR goes before the configured `mirror`."""
    return os.environ.get("STELNET_MIRROR") or config["mirror"]


def export(config: Mapping[str, Any]) -> None:
    """Hand to the jobs, through the environment, what must not make them rerun when it changes.

    PYTHONPATH: this library, so that jobs find it wherever they run, in an environment made by conda too.
    STELNET_MIRROR: the mirror, for the scripts that fetch.
    """
    paths = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    if folder := mirror(config):
        os.environ["STELNET_MIRROR"] = folder


def isochrones_dataset(config: Mapping[str, Any], datasets: Mapping[str, Any]) -> str:
    """Return which dataset of isochrones is read; see ``posterior.source`` in config.yaml."""
    names = {"package": "mist_cube", "tarball": "mist_isochrones"}
    source, folder = config["posterior"]["source"], mirror(config)
    if source == "auto":
        (file,) = datasets[names["tarball"]]["files"]
        source = (
            "tarball"
            if folder and Path(folder).expanduser().joinpath(file["mirror"]).is_file()
            else "package"
        )
    return names[source]


def mist_source(config: Mapping[str, Any]) -> str:
    """Return which MIST dataset is read, ``table`` or ``tarball``; see ``mist.source`` in config.yaml."""
    source = config["mist"]["source"]
    return source if source != "auto" else ("table" if mirror(config) else "tarball")
