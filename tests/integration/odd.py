"""Code that shows what nobody expects, in each language."""

from __future__ import annotations

SEND = "k = get_ipython().kernel; k.send_response(k.iopub_socket, "
PAYLOAD = "get_ipython().payload_manager.write_payload("
DEEP = "d = []\nfor _ in range({}): d = [d]\ndisplay({{'application/json': d}}, raw=True)"
SHOWS = "class A:\n    def {}(self, *_, **__): return {}\nA()"

PRINTED = {
    "print(__import__('os').fsdecode(b'caf\\xe9.txt'))": "caf\ufffd.txt\n",
    "print('\\ud800|\\ud83d\\ude00|\\udfff')": "\ufffd|😀|\ufffd\n",
    "print('a\\0b\\ufdd0')": "a\0b\ufdd0\n",
    SEND + "'stream', {'name': 'other', 'text': 'x'});": "x",
    SEND + "'stream', {'name': 5, 'text': ['x', 'y']});": "xy",
    SEND + "'stream', {'text': 7});": "7",
}
"""Python that prints, and what is to be seen (as with plain ipykernel, where that shows it)."""

DISPLAYED = {
    "from IPython.display import HTML; display(HTML('\\udce9'))": {"text/html": "\ufffd"},
    "display('a', metadata={'hopyard': 1})": {"text/plain": "'a'"},
    "display({'text/plain': 7}, raw=True)": {"text/plain": "7"},
    "display({'text/html': ['a', 'b'], 'image/png': None}, raw=True)": {"text/html": "ab"},
    "display({'application/json': [float('nan'), 10**30, -0.0]}, raw=True)": {
        "application/json": ["nan", 10**30, -0.0]
    },
    "display({'application/json': {1: b'ab', (1, 2): {3}}}, raw=True)": {
        "application/json": {"1": "YWI=", "(1, 2)": [3]}
    },
    "display('a', display_id='\\ud800');": {"text/plain": "'a'"},
}
"""Python that displays, and what is to be seen of it."""

PYTHON = (
    "import os, sys; os.write(1, b'\\xff\\xfe'); sys.stderr.write('\\udce9')",
    *(SEND + f"'{kind}', {{}})" for kind in ("stream", "status", "display_data", "error", "x")),
    SEND + "'status', {'execution_state': 7})",
    SEND + "'display_data', {'data': 7, 'metadata': 7, 'transient': 7})",
    SEND + "'update_display_data', {'data': []})",
    SEND + "'clear_output', {'wait': []})",
    SEND + "'execute_result', {'data': {'text/plain': 7}})",
    SEND + "'error', {'ename': 7, 'evalue': None, 'traceback': 'abc'})",
    "display('a', metadata={'hopyard': {'error': 1}, '\\udce9': '\\udce9'})",
    "display('a', transient={'x': '\\ud800'})",
    "display({7: 'x', '\\ud800': 'y'}, raw=True)",
    "display({'application/json': object()}, raw=True)",
    "d = {}; d['d'] = d; display({'application/json': d}, raw=True)",
    *(DEEP.format(levels) for levels in (90, 230, 800, 5000)),
    "raise ValueError('bad \\udcff')",
    "raise type('E\\udcff', (Exception,), {})('x')",
    "raise ValueError(b'\\xff', float('nan'), 10**3000)",
    "raise ValueError('x' * 30_000_000)",
    *(f"raise {name}" for name in ("StopIteration", "KeyboardInterrupt", "BaseException")),
    "display({'text/plain': 'x'}, raw=True, metadata={'x': 'y' * 30_000_000})",
    "'\\x01' * 9_000_000",
    PAYLOAD + "{'source': 'page', 'data': 7})",
    PAYLOAD + "{'source': 'set_next_input', 'text': 7})",
    PAYLOAD + "{'source': 'page', 'data': {'text/plain': '\\ud800'}})",
    *(SHOWS.format("__repr__", value) for value in ("'\\ud800'", "7")),
    SHOWS.format("_repr_mimebundle_", "{'text/plain': 7, 'text/html': object()}"),
    SHOWS.format("_repr_html_", "'\\ud800'"),
    "%json {1: float('nan'), 'a': '\\ud800'}",
    "x = [{'a': float('nan'), '\\ud800': 10**400}]\n%table x",
    "import sys; sys.set_int_max_str_digits(0)\n"
    "display({'application/json': 10**6000}, raw=True); sys.set_int_max_str_digits(4300)",
    "import sys; sys.setrecursionlimit(1_000_000)\n" + DEEP.format(30_000) + "\n"
    "sys.setrecursionlimit(1000)",
    PAYLOAD + "{'source': object()})",
)
"""Python that gives something else which is odd: no more is asked than that it ends."""

SQL = (
    "SELECT map(named_struct('x', 1), 1)",
    "SELECT map(array(1), 2), map(struct(array(date'2024-02-29')), map(array(X'ff'), 1))",
    "SELECT cast(X'e9' as string), char(0), '\\ufdd0', '\ufdd0\ufdd0'",
    "SELECT double('NaN'), float('Infinity'), -0.0D, 1e308D, 9999999999999999999999999999BD",
    "SELECT named_struct('a', 1, 'a', 2), 1 AS `a\\`b`, 2 AS `a\\`b`, 3 AS ``",
    "SELECT map(double('NaN'), 1, -0.0D, 2), map(interval '1' day, null)",
    "SELECT " + "array(" * 60 + "1" + ")" * 60,
    "SELECT raise_error('\\udcff')",
    "SELECT '😀' AS `\ufdd0`, rpad('x', 3000000, 'y')",
)
SCALA = (
    'println("a\\ud800b\\u0000")',
    'val s = "\\ud800"',
    'throw new Exception("\\ud800")',
    "throw new Error(null: String)",
    "throw null",
    "val x = List(Double.NaN, Float.PositiveInfinity)\n%json x",
    'val x = Map(null -> 1, "\\ud800" -> null)\n%json x',
    'val x = List(Map("a" -> BigInt(10).pow(400)))\n%table x',
    "System.out.write(Array[Byte](-1, -2)); System.out.flush()",
    "class A { override def toString = null }\nval a = new A",
    'class A { override def toString = throw new Exception("x") }\nval a = new A',
    '"x" * 30000000',
    "def f(n: Int): Int = 1 + f(n + 1)\nf(0)",
)
R = (
    'cat("caf\\xe9\\n")',
    'x <- "caf\\xe9"; x',
    'stop("caf\\xe9")',
    'message("caf\\xe9"); warning("\\xff")',
    "c(NA, NaN, Inf, -Inf); NULL; list(); raw(2); 1i",
    "data.frame(x = c(NaN, Inf, NA), y = I(list(1, NULL, list())))",
    "print(structure(list(), class = 'odd')); structure(1, class = '\\xe9')",
    'setNames(list(1), "caf\\xe9")',
    "quote(f(x)); function(x) x; environment()",
    'stop(structure(class = c("a", "condition"), list(message = NULL, call = NULL)))',
    'signalCondition(simpleCondition("x")); stop()',
    'paste(rep("x", 3000000), collapse = "")',
    "f <- function(n) f(n + 1); f(0)",
    "IRdisplay::display_html('\\xe9')",
    "IRdisplay::publish_mimebundle(list(`text/plain` = 7), metadata = list(hopyard = 1))",
)
