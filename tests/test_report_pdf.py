"""Figures as PDF: what the SVG shows, on a page for a paper, read back from the bytes of the document."""

import os
import re
import subprocess
import sys
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import simulated
import simulated_costs
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from seqbench import cli
from seqbench.record.store import Store
from seqbench.report import DEFAULT, FORMATS, write
from seqbench.report.canvas import PALETTE, Panels, Style
from seqbench.report.frame import SIZE
from seqbench.report.tiles import COLOR, NUM_SHADES, tiles
from seqbench.report.wording import readable

COMMAND = [sys.executable, "-m", "seqbench", "report", "--format", ",".join(FORMATS)]
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Records of which every figure can be drawn."""
    store = Store(tmp_path_factory.mktemp("store"))
    models = {"gru": 1, "attention": 2}
    for record, arrays in simulated.study(tasks=("copy_10", "copy_30"), models=models, seeds=(0, 1)):
        store.publish(record, arrays)
    for record, arrays in simulated_costs.study(rounds=2, models=("rnn", "gru")):
        store.publish(record, arrays)
    return store


@pytest.fixture(scope="module")
def out(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(store, tmp_path_factory.mktemp("out"), formats=FORMATS).parent


def objects(document: bytes) -> dict[int, bytes]:
    """The objects of a PDF, each where its table says; what a stream holds in place of the stream."""
    assert document.startswith(b"%PDF-1.")
    table = int(re.findall(rb"startxref\n(\d+)\n%%EOF\n$", document)[0])
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n", document[table:])]
    assert len(places) == int(re.findall(rb"/Size (\d+)", document[table:])[0]) - 1
    found = {}
    for number, place in enumerate(places, 1):
        body = document[place : document.index(b"\nendobj\n", place)].removeprefix(b"%d 0 obj\n" % number)
        assert len(body) < len(document) - place
        head, stream, packed = body.partition(b"\nstream\n")
        found[number] = zlib.decompress(packed.removesuffix(b"\nendstream")) if stream else head
    return found


def content(document: bytes) -> bytes:
    """What is drawn on the only page."""
    found = objects(document)
    (page,) = [body for body in found.values() if b"/Type /Page\n" in body or b"/Type /Page " in body]
    return found[int(re.findall(rb"/Contents (\d+) 0 R", page)[0])]


def letters(document: bytes) -> dict[bytes, dict[int, str]]:
    """Of each font of a page what its codes mean."""
    found = objects(document)
    (resources,) = [body for body in found.values() if body.startswith(b"<< /Font ")]
    fonts = found[int(re.findall(rb"/Font (\d+) 0 R", resources)[0])]
    meant = {}
    for name, number in re.findall(rb"/(\S+) (\d+) 0 R", fonts):
        (table,) = re.findall(rb"/ToUnicode (\d+) 0 R", found[int(number)])
        ranges = re.findall(rb"<(\w+)> <\w+> \[([^]]*)\]", found[int(table)])
        meant[name] = {int(start, 16) + at: bytes.fromhex(text.decode()).decode("utf-16be") for start, texts in ranges
                       for at, text in enumerate(re.findall(rb"<(\w+)>", texts))}  # fmt: skip
    return meant


def texts(document: bytes) -> list[str]:
    """The texts of a page, as a program reads them that selects text."""
    meant, found = letters(document), []
    for text in re.findall(rb"\nBT\n(.*?)\nET\n", content(document), re.DOTALL):
        found.append("")
        font = b""
        for name, string in re.findall(rb"/(\S+) \S+ Tf|\(((?:[^\\()]|\\.)*)\)", text, re.DOTALL):
            font = name or font
            codes = re.sub(rb"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), string, flags=re.DOTALL)
            found[-1] += "".join(
                meant[font][high * 256 + low] for high, low in zip(codes[::2], codes[1::2], strict=True)
            )
    return found


def words(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [text for node in root.iter("{http://www.w3.org/2000/svg}text") if (text := "".join(node.itertext()))]


def points(drawn: bytes) -> np.ndarray:
    """Corners of all lines of a page, before it is scaled."""
    return np.array([pair.split() for pair in re.findall(rb"([-\d.]+ [-\d.]+) [ml]\b", drawn)], float)


def panels(names: Sequence[str] = ("a", "b"), labels: Sequence[str] = ("gru",)) -> Panels:
    """A diagonal line in each panel."""

    def draw(index: int, axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=PALETTE[1])
        axes.set_xlabel(f"x of {index}")
        axes.set_ylabel(f"y of {index}")

    return Panels(names, draw, {label: Style(PALETTE[1]) for label in labels})


def test_every_figure_has_a_pdf_whose_texts_are_those_of_its_svg(out: Path) -> None:
    drawn = {path.stem for path in (out / "figures").glob("*.svg")}
    assert len(drawn) >= 11
    assert {path.stem for path in (out / "figures").glob("*.pdf")} == drawn
    for name in drawn:
        found = texts((out / "figures" / f"{name}.pdf").read_bytes())
        assert sorted(found) == sorted(words((out / "figures" / f"{name}.svg").read_text())), name


def test_pdf_is_of_vectors_and_whole_truetype_fonts(out: Path) -> None:
    for path in (out / "figures").glob("*.pdf"):
        document = path.read_bytes()
        assert b"/Subtype /Image" not in document
        assert b"/Type3" not in document
        fonts = document.count(b"/CIDFontType2")
        assert fonts
        assert fonts == document.count(b"/FontFile2") == document.count(b"/ToUnicode")


def test_same_records_give_the_same_pdf_in_every_process_at_any_time(store: Store, out: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "SOURCE_DATE_EPOCH": "1000000000"}
    environment |= {"PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run(
        [*COMMAND, "--store", str(store.root), "--out", str(tmp_path)], check=True, capture_output=True, env=environment
    )
    for path in (out / "figures").glob("*.pdf"):
        assert path.read_bytes() == (tmp_path / "figures" / path.name).read_bytes(), path.name
        assert b"Date" not in path.read_bytes()


def test_nothing_of_a_figure_is_cut_off() -> None:
    x, y = points(content(panels().pdf().document)).T
    ends = np.isclose(x, 72 * (9.6 - 0.1)) & np.isclose(y, 72 * 0.5)  # the right end of the second panel's x axis
    assert ends.any()


def test_texts_of_a_frame_stand_where_those_of_the_page_do() -> None:
    drawn = panels(["a"])
    places = re.findall(rb"\n(\S+) (\S+) (\S+) (\S+) (\S+) (\S+) cm\nBT\n", content(drawn.pdf().document))
    there = dict(zip(texts(drawn.pdf().document), np.array(places, float), strict=True))
    left, bottom, width, height = 72 * np.array([0.72, 0.5, 4.8 - 0.72 - 0.1, 2.5 - 0.34 - 0.5])
    text, font = TextToPath(), FontProperties(size=SIZE)

    def long(said: str) -> float:
        return text.get_text_width_height_descent(said, font, False)[0]

    assert there["x of 0"][:4] == pytest.approx([1, 0, 0, 1])
    assert there["x of 0"][4] + long("x of 0") / 2 == pytest.approx(left + width / 2, abs=0.5)
    assert there["0.75"][4] + long("0.75") == pytest.approx(left - 6.5, abs=0.5)  # beside the tick
    assert there["y of 0"][:4] == pytest.approx([0, 1, -1, 0])  # upward
    assert there["y of 0"][5] + long("y of 0") / 2 == pytest.approx(bottom + height / 2, abs=0.5)
    assert there["x of 0"][5] < there["0.75"][5] - height / 2


@pytest.mark.filterwarnings("error")
def test_any_name_can_be_read_back() -> None:
    names = ["\N{CJK UNIFIED IDEOGRAPH-6A21} \N{GRINNING FACE} <&%\\()", "ffi fl\r\n\0", "\ud800"]
    found = texts(panels(names, ["_a", "$x^2$"]).pdf().document)
    assert {*map(readable, names), " _a", "$x^2$"} <= {*found}


def test_lines_have_the_colours_of_the_page_in_daylight() -> None:
    strokes = [
        np.array(rgb.split(), float)
        for rgb in re.findall(rb"([\d.]+ [\d.]+ [\d.]+) RG", content(panels().pdf().document))
    ]
    assert any(np.allclose(stroke, to_rgb(PALETTE[1]), atol=1e-4) for stroke in strokes)


@pytest.mark.parametrize(
    ("names", "label", "inches"),
    [(["a", "b"], "gru", 7.0), (["a"], "gru", 3.5), (["a"], "gru " * 15, 7.0)],
)
def test_one_panel_takes_one_column_unless_its_legend_needs_two(names: list[str], label: str, inches: float) -> None:
    printed = panels(names, [label]).pdf()
    (box,) = re.findall(rb"/MediaBox \[ 0 0 (\S+) \S+ \]", printed.document)
    assert float(box) == pytest.approx(72 * inches)
    assert printed.wide == (inches == 7.0)
    (scale,) = re.findall(rb"\n(\S+) 0 0 (\S+) 0 0 cm\n", content(printed.document))
    assert [float(part) for part in scale] == pytest.approx([7 / 9.6] * 2, abs=1e-5)


def test_tiles_that_touch_leave_no_gap_between_them() -> None:
    def draw(index: int, axes: Axes) -> None:
        tiles(axes, np.arange(3.0), np.arange(2.0), np.array([[8, 4]]), "shade {}".format)

    drawn = content(Panels(["a"], draw, {}).pdf().document)
    for shade in (8, 4):
        color = " ".join(f"{1 - shade / NUM_SHADES * (1 - part):g}"[:6] for part in to_rgb(COLOR))
        parts = [re.escape(part) + r"\d*" for part in color.split()]
        assert re.search(rf"{' '.join(parts)} rg".encode(), drawn), shade
        assert re.search(rf"{' '.join(parts)} RG".encode(), drawn), shade
    assert drawn.count(b"\nB\n") == 2  # filled and outlined


def test_other_formats_are_the_same_with_pdf_and_without(store: Store, out: Path, tmp_path: Path) -> None:
    others = (*DEFAULT, "json")
    write(store, tmp_path, formats=others)
    files = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.relative_to(out) for path in out.rglob("*") if path.is_file() and path.suffix != ".pdf"} == {
        *files,
        Path("report.tex"),
    }
    assert [file for file in files if (tmp_path / file).read_bytes() != (out / file).read_bytes()] == []


def test_latex_includes_the_figures_that_are_written_beside_it(store: Store, out: Path, tmp_path: Path) -> None:
    together, alone = (out / "report.tex").read_text(), write(store, tmp_path, formats=("latex",)).read_text()
    included = re.findall(r"\\includegraphics\[[^]]*\]\{(figures/\w+\.pdf)\}", together)
    assert sorted(included) == sorted(str(path.relative_to(out)) for path in (out / "figures").glob("*.pdf"))
    assert r"\usepackage{booktabs,graphicx}" in together
    for environment in ("figure", r"figure\*", "table"):
        begun, ended = (re.findall(rf"\\{word}\{{{environment}\}}", together) for word in ("begin", "end"))
        assert len(begun) == len(ended)
    assert together.startswith(alone.rstrip())
    assert not any(word in alone for word in ("includegraphics", r"\begin{figure"))


def test_command_writes_figures_alone_and_says_where_there_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    record, arrays = simulated.learning("copy_10", "gru", 0)
    unsolved = replace(record, summary={**record.summary, "solved": False}, arrays={})
    (tmp_path / "out" / "bare" / "figures").mkdir(parents=True)  # of another report: nothing is drawn there now
    for name, made, kept in (("drawn", record, arrays), ("bare", unsolved, {})):
        Store(tmp_path / name).publish(made, kept)
        assert cli.main(["report", "--store", str(tmp_path / name), "--out", str(tmp_path / "out" / name),
                         "--format", "pdf"]) == 0  # fmt: skip
    where, nothing = capsys.readouterr().out.splitlines()
    assert where == f"report: {tmp_path / 'out' / 'drawn' / 'figures'}"
    assert nothing == "report: pdf: nothing to draw"
    assert {path.suffix for path in (tmp_path / "out").rglob("*.*")} == {".pdf"}
