"""pylivy: a session from its start to its end, DataFrames up and down.

Run by tests/contract/test_clients.py in .venv-clients: URL, user, token. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pandas as pd
from livy import LivySession, SessionKind
from livy.client import LivyClient
from livy.models import SparkRuntimeError


def main(url: str, user: str, token: str) -> dict[str, Any]:
    auth = (user, token)
    with LivySession.create(url, auth=auth, kind=SessionKind.PYSPARK, name="pylivy") as session:
        count = session.run("spark.range(10).count()").text
        try:
            session.run("1/0")
        except SparkRuntimeError as error:
            fault = [error.ename, error.evalue]
        session.run("frame = spark.range(3).selectExpr('id', \"concat('n', id) name\")")
        down = session.download("frame")
        session.upload("up", pd.DataFrame({"n": [1, 2], "s": ["a", "b"]}))
        rows = session.run("sorted(tuple(row) for row in up.collect())").text
        client = LivyClient(url, auth=auth)
        statements = len(client.list_statements(session.session_id))
        number = session.session_id
        listed = number in [one.session_id for one in client.list_sessions()]
    with LivySession.create(url, auth=auth, kind=SessionKind.SQL, name="pylivy-sql") as session:
        sql = session.download_sql("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
    return {
        "count": count,
        "fault": fault,
        "down": down.to_dict("list"),
        "rows": rows,
        "statements": statements,
        "listed": listed,
        "sql": sql.to_dict("list"),
        "gone": client.get_session(number) is None,
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
