"""Turns code in the text into links: `Adam`, ``gd.Trainer.fit`` and `np.ndarray` lead to what they name.

Design
------
- Docstrings and pages are read in terminals and on forges first, so they hold plain code and no roles of Sphinx. A
  pass over all literals finds the public names among them.
- A name without its package is a link if it is a class, a registry, or a method of the class whose docstring it
  stands in. Other words in code, such as `data`, are more often something else.
- Names of NumPy, scikit-learn and PyTorch are links where their inventories were within reach; otherwise they stay
  code.
"""

import re
from typing import Any

import public
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.ext.intersphinx import InventoryAdapter
from sphinx.transforms import SphinxTransform

FOREIGN = {"np": "numpy", "numpy": "numpy", "torch": "torch", "sklearn": "sklearn"}
TYPES = {"ndarray": "numpy.ndarray", "array_like": "numpy.typing.ArrayLike"}
NAME = re.compile(r"(?:gd\.|gdcore\.)?([A-Za-z_]\w*(?:\.\w+)*)(?:\(.*\))?", re.DOTALL)
NEVER_WITHIN = (
    nodes.reference,
    nodes.title,
    addnodes.pending_xref,
    addnodes.desc_signature,
    addnodes.download_reference,
)


def known() -> dict[str, str]:
    """Return how names are written -> what they are: "Adam" and "schedules.Cosine", "Trainer.fit"."""
    found: dict[str, str] = {}
    full_names = sorted(public.documented(), key=lambda name: name.count("."))
    for full in full_names:
        short = full.removeprefix("gdcore.")
        found.setdefault(short, full)
        parts = short.split(".")
        if parts[0] in public.rooms() and len(parts) > 1:  # Cosine is schedules.Cosine
            found.setdefault(".".join(parts[1:]), full)
    found |= {module.removeprefix("gdcore."): module for modules in public.NOTES.values() for module in modules}
    return found


class CrossLinks(SphinxTransform):
    """Replaces the literals that name something by links to it."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        """Go through the literals of a document."""
        names = self.app.gdcore_names
        here = self.env.docname
        for literal in list(self.document.findall(nodes.literal)):
            if any(isinstance(above, NEVER_WITHIN) for above in ancestors(literal)):
                continue
            text = literal.astext()
            target = own_target(text, literal, names) or foreign_target(text, self.env)
            if target is not None:
                link = link_to(target, here)
                literal.replace_self(link)
                link += literal
        terms = self.document.findall(nodes.term)
        returned = [term for term in terms if isinstance(term.parent.parent.parent, nodes.field_body)]
        for types in [*self.document.findall(nodes.classifier), *returned]:
            link_types(types, names, self.env)


def link_to(target: str, here: str) -> addnodes.pending_xref:
    """Return a link from a page that is resolved when all pages have been read."""
    return addnodes.pending_xref(
        "", refdomain="py", reftype="obj", reftarget=target, refexplicit=True, refdoc=here, refspecific=False
    )


def link_types(types: nodes.TextElement, names: dict[str, str], env: Any) -> None:
    """Turn the names of classes in the type of a parameter, such as "str, Loss or callable", into links."""
    if len(types.children) != 1 or not isinstance(types[0], nodes.Text):
        return
    pieces: list[nodes.Node] = []
    for piece in re.split(r"([A-Za-z_][\w.]*)", types.astext()):
        target = names.get(piece) if piece[:1].isupper() else foreign_target(TYPES.get(piece, ""), env)
        text = nodes.Text(piece)
        if target is None:
            pieces.append(text)
        else:
            link = link_to(target, env.docname)
            link += text
            pieces.append(link)
    types.children = []
    types.extend(pieces)


def ancestors(node: nodes.Node) -> Any:
    """Yield what a node stands in, from the inside."""
    while node.parent is not None:
        node = node.parent
        yield node


def own_target(text: str, literal: nodes.literal, names: dict[str, str]) -> str | None:
    """Return the public name that a literal means, or None."""
    found = NAME.fullmatch(text)
    if not found:
        return None
    short = found[1]
    signatures = [above[0] for above in ancestors(literal) if isinstance(above, addnodes.desc)]
    inside = [f"{one['module']}.{one['class'] or one['fullname']}" for one in signatures if one.get("module")]
    for full in (f"{kind}.{short}" for kind in inside):
        if full in names.values():
            return full
    if short not in names:
        return None
    target = names[short]
    itself = [f"{one['module']}.{one['fullname']}" for one in signatures if one.get("module")]
    said = (
        text.startswith(("gd.", "gdcore."))
        or short.rpartition(".")[2][:1].isupper()
        or short[:1].isupper()
        or "_" in short
    )
    return target if said and target not in itself else None


def foreign_target(text: str, env: Any) -> str | None:
    """Return the name in another project's inventory, or None."""
    first, _, rest = text.partition("(")[0].partition(".")
    if first not in FOREIGN or not rest:
        return None
    full = f"{FOREIGN[first]}.{rest}"
    inventory = InventoryAdapter(env).main_inventory
    return full if any(full in entries for kind, entries in inventory.items() if kind.startswith("py:")) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Install the pass."""
    app.gdcore_names = known()
    app.add_transform(CrossLinks)
    return {"parallel_read_safe": True}
