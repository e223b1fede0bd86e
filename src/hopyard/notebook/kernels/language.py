"""The languages of the kernels, and what differs between them."""

from __future__ import annotations

import builtins
import json
import keyword
from dataclasses import dataclass
from typing import Any

ROWS = "__import__('hopyard.driver.interpreters.rows', fromlist=['_'])"
"""What the driver's Python has for rows that leave it and come: in a module, not as a name."""
LONG = 10_000
"""Letters of a text that is sent as rows are: Scala's compiler takes 65,535 bytes at most."""
_SCALA = (
    "abstract case catch class def do else extends false final finally for forSome given if "
    "implicit import lazy match new null object override package private protected return sealed "
    "super this throw trait true try type val var while with yield println"
)
_R = (
    "break else FALSE for function if in Inf library NA NaN next NULL repeat return TRUE while "
    "print cat paste c list data.frame head summary str length names"
)


@dataclass(frozen=True)
class Language:
    """One language.

    Attributes:
        kind: Livy's word for it.
        name: sparkmagic's word for it.
        title: the kernel's name.
        info: what a notebook in it says of its language (Jupyter's `language_info`).
        words: what can be completed without a session.
        value: code whose value is the DataFrame `{name}`, and which prints little.
        sample: code whose value is a part of it, `{fraction}` of its rows.
        bind: code that gives the temporary view `{view}` the name `{name}`.
        bind_text: code that gives the only value of that view the name.
        assign: code that gives the text `{text}` the name `{name}`.
    """

    kind: str
    name: str
    title: str
    info: dict[str, Any]
    words: frozenset[str]
    value: str
    sample: str
    bind: str
    bind_text: str
    assign: str

    def text(self, name: str, text: str) -> str:
        """Return code that gives a text a name."""
        quoted = repr(text) if self is PYTHON else json.dumps(text, ensure_ascii=False)
        return self.assign.format(name=name, text=quoted)


PYTHON = Language(
    kind="pyspark",
    name="python",
    title="PySpark",
    info={
        "name": "python",
        "mimetype": "text/x-python",
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": "3",
    },
    words=frozenset([*keyword.kwlist, *(n for n in dir(builtins) if not n.startswith("_"))]),
    value="{name}",
    sample=f"{ROWS}.sampled({{name}}, {{fraction}})",
    bind="{name} = spark.table({view!r})",
    bind_text="{name} = spark.table({view!r}).head()[0]",
    assign="{name} = {text}",
)
SCALA = Language(
    kind="spark",
    name="scala",
    title="Spark",
    info={
        "name": "scala",
        "mimetype": "text/x-scala",
        "codemirror_mode": "text/x-scala",
        "file_extension": ".scala",
        "nbconvert_exporter": "script",
        "pygments_lexer": "scala",
        "version": "2.13",
    },
    words=frozenset(_SCALA.split()),
    value="{name}",
    sample="{name}.sample(false, {fraction})",
    bind='val {name} = spark.table("{view}")',
    bind_text='val {name} = spark.table("{view}").head.getString(0)',
    assign="val {name} = {text}",
)
R = Language(
    kind="sparkr",
    name="r",
    title="SparkR",
    info={
        "name": "R",
        "mimetype": "text/x-r-source",
        "codemirror_mode": "r",
        "file_extension": ".r",
        "nbconvert_exporter": "script",
        "pygments_lexer": "r",
        "version": "",
    },
    words=frozenset(_R.split()),
    value="invisible({name})",
    sample="sample(if (is.data.frame({name})) as.DataFrame({name}) else {name}, FALSE, {fraction})",
    bind='{name} <- sql("SELECT * FROM {view}")',
    bind_text='{name} <- collect(sql("SELECT * FROM {view}"))[[1]]',
    assign="{name} <- {text}",
)
