"""How Sphinx makes the site of these pages (`make docs-site`)."""

from sphinx.application import Sphinx

from stelnet import __version__

project = "StelNet"
author = copyright = "The StelNet transfer-learning workflow authors"
release = version = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
# every reference must lead somewhere, but those to other packages and to what is not public
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!stelnet\.).*"),
    ("py:.*", r"stelnet\.inference\.(bundle|exact|posterior_file)\b.*"),
]

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]

# a notebook that fails, hangs or warns is a warning, which shows why
nb_execution_mode = "force"
nb_execution_show_tb = True
nb_execution_timeout = 3600
nb_merge_streams = True
nb_output_stderr = "warn"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False

html_theme = "furo"
html_title = f"StelNet {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = False

#: Files of the repository that are pages here too -> their names here.
PAGES = {
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "resources/pretrained/README.md": "model_card.md",
    "benchmarks/RESULTS.md": "benchmarks.md",
    "results/README.md": "results_folder.md",
}


def mend_links(app: Sphinx, name: str, content: list[str]) -> None:
    """Let links to files that are pages here lead to the pages."""
    for path, page in PAGES.items():
        content[0] = content[0].replace(f"](../{path}", f"]({page}")


def setup(app: Sphinx) -> None:
    """Connect what is above to Sphinx."""
    app.connect("source-read", mend_links)
