"""Apache Livy's own Python client: pickled functions, added and uploaded files.

It is on no package index; `LIVY_PYTHON_CLIENT` names its folder (python-api/src/main/python of a
checkout of apache/livy). Run by tests/contract/test_clients.py: URL with user and token in it, a
file to upload. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import types
from typing import Any

# Only for sign-in by Kerberos, which is not tried here.
kerberos = types.ModuleType("requests_kerberos")
kerberos.HTTPKerberosAuth = kerberos.REQUIRED = None  # type: ignore[attr-defined]
sys.modules["requests_kerberos"] = kerberos
sys.path.insert(0, os.environ["LIVY_PYTHON_CLIENT"])

from livy.client import HttpClient  # noqa: E402


def count(context: Any) -> Any:
    return context.sc.parallelize(range(10), 2).count()


def use(context: Any) -> Any:
    import uploaded

    return uploaded.VALUE


def main(url: str, file: str) -> dict[str, Any]:
    client = HttpClient(url, load_defaults=False)
    try:
        counted = client.submit(count).result(120)
        said = client.run(lambda context: context.spark_session.range(3).count()).result(60)
        answer = client.upload_pyfile(file).result(60)
        used = client.submit(use).result(60)
        try:
            client.submit(lambda context: 1 / 0).result(60)
        except Exception as error:
            fault = str(error)
    finally:
        client.stop(True)
    return {
        "counted": counted,
        "said": said,
        "answer": answer.decode(),
        "used": used,
        "fault": fault,
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
    sys.stdout.flush()
    os._exit(0)  # its timers go on for ever
