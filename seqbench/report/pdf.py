"""A figure as a PDF for a paper: vectors, text that can be selected, and the same bytes for the same records."""

import io
import math
from collections.abc import Sequence
from typing import Any

from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_pdf import Op, PdfFile, RendererPdf
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from seqbench.report.frame import Line, Words

_SCALE = 7 / 9.6
"""A figure that fills the page of a report is 7 inches wide: two columns of a paper."""
_BEHIND = {"start": 0.0, "middle": 0.5, "end": 1.0}
"""Which part of a text lies before its anchor."""
_ABOUT = {"Creator": "seqbench", "Producer": None, "CreationDate": None}
"""What the document says about itself: neither a time nor a version, which would be other bytes."""


def pdf_of(figure: Figure) -> bytes:
    """The figure, whose dpi must be 72, as a document of one page."""
    width, height = (float(size) for size in figure.get_size_inches())
    written = io.BytesIO()
    file = PdfFile(written, metadata=_ABOUT)
    file.newPage(_SCALE * width, _SCALE * height)
    file.output(_SCALE, 0, 0, _SCALE, 0, 0, Op.concat_matrix)
    file.width, file.height = width, height  # what lies outside of these is not drawn
    renderer = _Renderer(file, 72, height, width)
    figure.draw(renderer)
    renderer.finalize()
    file.finalize()
    return written.getvalue()


class _Renderer(RendererPdf):
    """matplotlib's own, with what a ``Frame`` needs."""

    def draw_path(self, gc: GraphicsContextBase, path: Path, transform: Any, rgbFace: Any = None) -> None:
        """Tiles, which are not antialiased, as opaque shapes with an outline: between alone they would leave gaps."""
        if rgbFace is not None and not gc.get_antialiased():
            gc, whole = self.new_gc(), gc
            gc.copy_properties(whole)
            rgbFace = tuple(1 - whole.get_alpha() * (1 - shade) for shade in rgbFace[:3])
            gc.set_alpha(1)
            gc.set_foreground(rgbFace)
            gc.set_linewidth(0.25)
        super().draw_path(gc, path, transform, rgbFace)

    def add_lines(self, lines: Sequence[Line], color: str, width: float) -> None:
        """See ``Paper``."""
        if lines:
            gc = self.new_gc()
            gc.set_foreground(color)
            gc.set_linewidth(width)
            down = Affine2D().scale(1, -1).translate(0, self.get_canvas_width_height()[1])
            self.draw_path(gc, Path.make_compound_path(*map(Path, lines)), down)

    def add_texts(self, texts: Sequence[Words], color: str, size: float, anchor: str) -> None:
        """See ``Paper``."""
        gc, font = self.new_gc(), FontProperties(size=size)
        gc.set_foreground(color)
        for text, x, y, angle in texts:
            back = _BEHIND[anchor] * self.get_text_width_height_descent(text, font, False)[0]
            turned = math.radians(-angle)
            place = x - back * math.cos(turned), self.get_canvas_width_height()[1] - y - back * math.sin(turned)
            self.draw_text(gc, *place, text, font, -angle)
