"""What runs inside a Jupyter server: the wrapper that starts it, its extension, our kernels.

`python -m hopyard.notebook` is the server (`server.py`, `faststart.py`, `extension.py`);
`python -m hopyard.notebook.kernels.pyspark` is the PySpark kernel; `spark` (Scala) and `sparkr` are
its sisters.
"""
