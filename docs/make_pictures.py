"""Draw the pictures of pictures.md: `python docs/make_pictures.py` runs its code and saves what each block has drawn.

The files hold 16 greys and no colours: small, and a proof that nothing needs one.
"""

import re
from argparse import ArgumentParser
from io import BytesIO
from pathlib import Path

import matplotlib
from PIL import Image

DOCS = Path(__file__).parent
BLOCK = re.compile(r"^```python\n(.*?)^```\n\n!\[[^]]*\]\((images/\w+\.png)\)$", re.DOTALL | re.MULTILINE)
STYLE = {"figure.figsize": (5.6, 3.8), "figure.dpi": 100, "font.size": 9, "axes.titlesize": 9}

GREYS = [17 * round(value / 17) for value in range(256)]


def main() -> None:
    """Overwrite docs/images/."""
    ArgumentParser(description="Runs the code of pictures.md and overwrites docs/images/.").parse_args()
    matplotlib.use("Agg")
    from matplotlib import pyplot

    (DOCS / "images").mkdir(exist_ok=True)
    names: dict[str, object] = {"__name__": "pictures"}
    with pyplot.rc_context(STYLE):
        for source, image in BLOCK.findall((DOCS / "pictures.md").read_text(encoding="utf-8")):
            exec(compile(source, "pictures.md", "exec"), names)
            drawn = BytesIO()
            pyplot.gcf().savefig(drawn)
            pyplot.close("all")
            Image.open(drawn).convert("L").point(GREYS).save(DOCS / image, optimize=True)
            print(f"{image}: {(DOCS / image).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
