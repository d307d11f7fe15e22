"""Pictures of windows: from series of figures to SVG drawn by hand, to a page with the values, to files drawn by matplotlib.

What belongs here: shapes, axes, colours. What does not: choosing and combining figures (`warehouse.windows.series`), where pictures are
shown (`orchestration`, `commands`).

A picture shows what there is: lines break where a window is missing, and windows that are still open are drawn lighter.
"""

from pipeline.pictures.page import page
from pipeline.pictures.svg import Panel, bar_panel, picture, series_panel

__all__ = ["Panel", "bar_panel", "page", "picture", "series_panel"]
