"""How Sphinx builds the site: `sphinx-build -W -n docs docs/_build/html`, after `pip install -e ".[docs]"`.

Design
------
- The pages are the .md files of docs/ that a forge shows; index.rst takes the place of index.md. docs/site/ holds
  what the build does besides: which names are public, their pages, links from code, pages from elsewhere in the
  repository.
- A build needs no network. Inventories of other projects are asked for if GDCORE_DOCS_INVENTORIES=1, or read from the
  folder that it names (numpy.inv and so on). Names of a project without an inventory stay plain code, and nothing else
  changes.
"""

import os
import sys
from pathlib import Path
from urllib.request import urlopen

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "site"))

import reference  # noqa: E402

import gdcore  # noqa: E402

project = "gdcore"
author = "The gdcore developers"
project_copyright = "The gdcore developers"
version = release = gdcore.__version__
language = "en"

extensions = [
    "crosslinks",
    "prose",
    "sources",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "index.md", "gallery", "site/*.py"]
default_role = "code"
highlight_language = "none"
nitpicky = True
python_display_short_literal_types = True
add_module_names = False
toc_object_entries = False

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False

html_theme = "furo"
html_title = "gdcore"
html_show_sourcelink = False
html_static_path = ["site/static"]
html_css_files = ["site.css"]
html_copy_source = False

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": "/plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "backreferences_dir": "auto_gallery/uses",
    "doc_module": ("gdcore",),
    "reference_url": {"gdcore": None},
    "remove_config_comments": True,
    "min_reported_time": 10_000,
    "show_signature": False,
    "write_computation_times": False,
    "capture_repr": (),
    "download_all_examples": False,
    "matplotlib_animations": False,
    "image_srcset": ["2x"],
}

PROJECTS = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "sklearn": "https://scikit-learn.org/stable/",
    "torch": "https://pytorch.org/docs/stable/",
}


def inventories(where: str) -> dict[str, tuple[str, str | None]]:
    """Return the projects whose inventory is in a folder, or answers now if "1" is said; none of an empty text."""
    if where not in ("", "1"):
        files = {name: Path(where).resolve() / f"{name}.inv" for name in PROJECTS}
        return {name: (PROJECTS[name], str(file)) for name, file in files.items() if file.exists()}
    found: dict[str, tuple[str, str | None]] = {}
    for name, url in PROJECTS.items() if where else ():
        try:
            with urlopen(f"{url}objects.inv", timeout=5):
                found[name] = (url, None)
        except OSError as error:
            print(f"no inventory of {name}: {error}")
    return found


intersphinx_mapping = inventories(os.environ.get("GDCORE_DOCS_INVENTORIES", ""))

reference.write(HERE / "api")
