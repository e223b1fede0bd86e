"""How a pandas DataFrame is shown in a Spark notebook: a table, and buttons for charts of it.

The choices of sparkmagic's autovizwidget, whose charts fail with today's plotly; drawn by
matplotlib, so that they look the same in JupyterLab, in the classic notebook and in an export. What
is saved in the notebook is the table: it needs no kernel.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from hopyard.notebook.kernels.charts import FUNCTIONS, KINDS, Chart, NoChart, draw, suggested

if TYPE_CHECKING:
    from pandas import DataFrame

log = logging.getLogger("hopyard.notebook")

TABLE = "Table"
ROWS = 1000
"""Rows of a table; a chart is of all."""
COLUMNS = 200
"""Columns of a table."""
WIDGET = "application/vnd.jupyter.widget-view+json"


def register(shell: Any) -> None:
    """Show DataFrames so in a shell."""
    formatter = shell.display_formatter.ipython_display_formatter
    formatter.for_type_by_name("pandas.core.frame", "DataFrame", show)


def show(frame: DataFrame) -> None:
    """Show a DataFrame."""
    from IPython.display import publish_display_data

    data: dict[str, Any] = {}
    try:
        data["text/plain"] = repr(frame)
        data["text/html"] = table(frame)
        if len(frame) and len(frame.columns) > 1:
            data[WIDGET] = Picker(frame).box.get_view_spec()
    except Exception:  # of a value that pandas itself cannot show: without our frames
        log.exception("a table cannot be shown whole")
        rows, columns = frame.shape
        data.setdefault("text/plain", f"{rows} rows × {columns} columns that cannot be shown")
    publish_display_data(data)


def table(frame: DataFrame) -> str:
    """Return a DataFrame as a table that scrolls."""
    rows, columns = frame.shape
    part = frame.iloc[:ROWS, :COLUMNS]
    shown = part.to_html(max_rows=ROWS, border=0, notebook=True)
    # A widget has no style for tables.
    shown = shown.replace("<table ", '<table cellpadding="5" style="text-align: right" ', 1)
    cut = f", the first {min(rows, ROWS)} × {COLUMNS} shown" if columns > COLUMNS else ""
    if rows > ROWS and not cut:
        cut = f", the first {ROWS} shown"
    return (
        '<div style="max-height: 24em; overflow: auto; display: inline-block; max-width: 100%">'
        f"{shown}</div><div>{rows} rows × {columns} columns{cut}</div>"
    )


class Picker:
    """The buttons above a table, and the chart that they choose."""

    def __init__(self, frame: DataFrame) -> None:
        import ipywidgets as widgets

        self._frame = frame
        names = list(dict.fromkeys(str(name) for name in frame.columns))
        x, y = suggested(frame)
        self.kind = widgets.ToggleButtons(options=(TABLE, *KINDS), style={"button_width": "5.5em"})
        self.x = widgets.Dropdown(options=names, value=x, description="along")
        self.y = widgets.Dropdown(options=names, value=y, description="up")
        self.function = widgets.Dropdown(options=list(FUNCTIONS), value="sum", description="values")
        self.log_x = widgets.Checkbox(description="logarithmic along", indent=False)
        self.log_y = widgets.Checkbox(description="logarithmic up", indent=False)
        self._table = widgets.HTML(table(frame))
        self._picture = widgets.Image(format="png")
        self.fault = widgets.Label()
        self._choices = widgets.VBox(
            [
                widgets.HBox([self.x, self.y, self.function]),
                widgets.HBox([self.log_x, self.log_y]),
            ]
        )
        self.box = widgets.VBox([self.kind, self._table])
        for one in (self.kind, self.x, self.y, self.function, self.log_x, self.log_y):
            one.observe(self._changed, names="value")

    def _changed(self, _: Any) -> None:
        if self.kind.value == TABLE:
            self.box.children = (self.kind, self._table)
            return
        chart = Chart(
            self.kind.value,
            self.x.value,
            self.y.value,
            self.function.value,
            log_x=self.log_x.value,
            log_y=self.log_y.value,
        )
        try:
            self._picture.value = draw(self._frame, chart)
            shown: Any = self._picture
        except NoChart as error:
            self.fault.value = str(error)
            shown = self.fault
        except Exception as error:  # of matplotlib or pandas, for values that they do not know
            log.exception("a chart cannot be drawn")
            self.fault.value = f"This chart cannot be drawn ({type(error).__name__}: {error})."
            shown = self.fault
        self.box.children = (self.kind, self._choices, shown)
