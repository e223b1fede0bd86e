"""Charts of a pandas DataFrame, as a picture: pie, scatter, line, area, bar."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame, Series

KINDS = ("Pie", "Scatter", "Line", "Area", "Bar")
FUNCTIONS = {
    "as it is": None,
    "sum": "sum",
    "mean": "mean",
    "min": "min",
    "max": "max",
    "count": "count",
}
SLICES = 20
BARS = 200


class NoChart(ValueError):
    """This cannot be drawn; one sentence that says what can."""


@dataclass(frozen=True)
class Chart:
    """What to draw.

    Attributes:
        kind: one of `KINDS`.
        x: the column along, or of the slices.
        y: the column of the values.
        function: one of `FUNCTIONS`: how the values of one x become one.
        log_x: whether the axis is logarithmic, as `log_y`.
    """

    kind: str
    x: str
    y: str
    function: str = "sum"
    log_x: bool = False
    log_y: bool = False


def suggested(frame: DataFrame) -> tuple[str, str]:
    """Return the columns to begin with: a name or date along, a number up."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    names = [str(name) for name in frame.columns]
    numbers = [
        name
        for name, kind in zip(names, frame.dtypes, strict=True)
        if is_numeric_dtype(kind) and not is_bool_dtype(kind)
    ]
    x = next((name for name in names if name not in numbers), names[0])
    y = next((name for name in numbers if name != x), names[-1])
    return x, y


def draw(frame: DataFrame, chart: Chart) -> bytes:
    """Return the picture (PNG).

    Raises:
        NoChart: these columns cannot be drawn so.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    values = _values(frame, chart)
    # Not pyplot: a figure of ours must not become the current one of the user's code.
    figure = Figure(figsize=(9, 4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    if chart.kind == "Pie":
        _pie(axes, values)
    else:
        _plot(axes, values, chart)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _column(frame: DataFrame, name: str) -> Series[Any]:
    """One column; of two with one name the first."""
    places = [place for place, column in enumerate(frame.columns) if str(column) == name]
    found: Series[Any] = frame.iloc[:, places[0]]
    return found


def _values(frame: DataFrame, chart: Chart) -> Series[Any]:
    """The values by x, in the order of x."""
    import pandas

    if not len(frame):
        raise NoChart("There are no rows.")
    x, y = _column(frame, chart.x), _column(frame, chart.y)
    if chart.function == "count":
        return y.groupby(_sortable(x)).count().sort_index()
    numbers = pandas.to_numeric(y, errors="coerce")
    if numbers.notna().sum() == 0:
        raise NoChart(f"{chart.y} has no numbers: choose another column up, or count.")
    numbers = numbers.astype(float)
    function = FUNCTIONS[chart.function]
    if function is None:
        along = numbers.set_axis(_sortable(x))
        return along[along.index.notna()].sort_index()
    found: Series[Any] = numbers.groupby(_sortable(x)).agg(function).sort_index()
    return found


def _sortable(column: Series[Any]) -> Series[Any]:
    """A column that can be grouped and sorted: what has no order becomes text."""
    from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

    if is_numeric_dtype(column.dtype) or is_datetime64_any_dtype(column.dtype):
        return column
    return column.map(str)


def _pie(axes: Any, values: Series[Any]) -> None:
    import pandas

    if (values < 0).any():
        raise NoChart("A pie has no room for negative values: choose another chart.")
    largest = values.dropna().sort_values(ascending=False)
    if len(largest) > SLICES:
        rest = pandas.Series({f"{len(largest) - SLICES + 1} others": largest[SLICES - 1 :].sum()})
        largest = pandas.concat([largest.iloc[: SLICES - 1], rest])
    if not largest.sum() > 0:
        raise NoChart("All values are zero.")
    axes.pie(largest, labels=[str(name) for name in largest.index], autopct="%.0f%%")


def _plot(axes: Any, values: Series[Any], chart: Chart) -> None:
    along = values.index
    if chart.kind == "Bar":
        if len(values) > BARS:
            raise NoChart(f"{len(values)} bars are too many (at most {BARS}): choose a line.")
        along = along.map(str)
        axes.bar(along, values)
    elif chart.kind == "Scatter":
        axes.scatter(along, values, s=12)
    elif chart.kind == "Area":
        axes.fill_between(along, values, alpha=0.5)
    else:
        axes.plot(along, values, marker="o" if len(values) < 50 else None)
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y if chart.function == "as it is" else f"{chart.function} of {chart.y}")
    axes.grid(alpha=0.3)
    _scale(axes, chart, values)
    if len(along) > 12:
        axes.tick_params(axis="x", labelrotation=45)


def _scale(axes: Any, chart: Chart, values: Series[Any]) -> None:
    if chart.log_y:
        if not (values > 0).any():
            raise NoChart("A logarithmic axis has no room for values that are zero or less.")
        axes.set_yscale("log")
    if chart.log_x:
        from pandas.api.types import is_numeric_dtype

        if chart.kind == "Bar" or not is_numeric_dtype(values.index.dtype):
            raise NoChart(f"{chart.x} is no axis of numbers: it cannot be logarithmic.")
        if not (values.index > 0).any():
            raise NoChart("A logarithmic axis has no room for values that are zero or less.")
        axes.set_xscale("log")
