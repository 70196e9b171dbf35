"""The page in a browser: it fits at every width, nothing runs in it, and both schemes are painted.

The page stands in a frame of the tests' own, whose script measures it: a report itself runs nothing.
"""

import html
import json
import os
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest
from table_folder import enter, run

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := which(name))), None)
pytest.importorskip("matplotlib")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs chromium")

MEASURE = """
frame.onload = () => {
  const page = frame.contentDocument, root = page.documentElement, width = root.clientWidth;
  const outside = [...page.querySelectorAll("body *")].filter(one => !one.closest(".scroll, svg"))
    .filter(one => one.getBoundingClientRect().right > width + 1).map(one => one.tagName + " " + one.className);
  const pictures = [...page.querySelectorAll("svg")].map(one => one.getBoundingClientRect().width);
  result.textContent = JSON.stringify({width, scroll: root.scrollWidth, outside, pictures,
    ran: frame.contentWindow.ran === undefined, title: page.title});
};
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        enter(folder, patch)
        text = Path("houses.csv").read_text(encoding="utf-8-sig")
        hostile = '"<script>ran = 1</script>"' + "x" * 60
        Path("houses.csv").write_text(text.replace("country,", f"{hostile},", 1), encoding="utf-8")
        assert run("train", "houses.csv", "--target", "price", "--impute", "--report", "report.html") == 0
    return folder / "report.html"


def browse(home, *arguments):
    """Run the browser with a profile of its own, and return what it writes."""
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *arguments]
    environment = {**os.environ, "HOME": str(home)}
    return subprocess.run(command, capture_output=True, timeout=120, check=True, env=environment).stdout.decode()


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_nothing_is_wider_than_the_window(report, tmp_path, width):
    frame = tmp_path / "frame.html"
    text = json.dumps(report.read_text(encoding="utf-8")).replace("</", r"<\/")
    frame.write_text(
        f'<pre id="result"></pre><iframe id="frame" style="border: 0; width: {width}px; height: 900px"></iframe>'
        f"<script>{MEASURE} frame.srcdoc = {text}</script>",
        encoding="utf-8",
    )
    shown = browse(tmp_path, "--window-size=1400,1000", "--virtual-time-budget=10000", "--dump-dom", frame.as_uri())
    found = json.loads(html.unescape(re.search(r'<pre id="result">(.*?)</pre>', shown, re.DOTALL)[1]))
    assert found["title"] == "price from houses.csv"
    assert found["width"] == found["scroll"] == width
    assert found["outside"] == []
    assert found["ran"] is True
    assert len(found["pictures"]) >= 5
    assert min(found["pictures"]) > 0.8 * min(width, 400) - 32


@pytest.mark.parametrize(("scheme", "bright"), [(1, True), (0, False)])
def test_light_and_dark(report, tmp_path, scheme, bright):
    picture = tmp_path / "page.png"
    wanted = f"--blink-settings=preferredColorScheme={scheme}"
    browse(tmp_path, "--window-size=390,800", wanted, f"--screenshot={picture}", report.as_uri())
    from matplotlib.image import imread

    seen = imread(picture)[..., :3].mean(axis=2)
    assert bool(seen.mean() > 0.5) is bright
    assert seen.std() > 0.05  # there is something on it


def test_it_prints(report, tmp_path):
    paper = tmp_path / "page.pdf"
    browse(tmp_path, f"--print-to-pdf={paper}", report.as_uri())
    assert paper.read_bytes().startswith(b"%PDF")
