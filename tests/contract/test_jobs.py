"""Jobs of Livy's Python client: pickled functions and added files, as that client sends them."""

from __future__ import annotations

import base64
import io
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyspark
import pytest
from pyspark import cloudpickle

from tests.integration.livy import Json, Livy, until


def pickled(function: Callable[[Any], Any]) -> str:
    # The functions of this file must not be looked for in the driver.
    cloudpickle.register_pickle_by_value(__import__(__name__, fromlist=["pickled"]))
    return base64.b64encode(cloudpickle.dumps(function)).decode()


def send(server: Livy, session: int, function: Any, command: str = "submit-job") -> int:
    body = {"job": pickled(function), "jobType": "pyspark"}
    answer = server.http.post(f"/sessions/{session}/{command}", json=body)
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert shown == {"id": shown["id"], "state": "SENT", "result": None, "error": None}
    return int(shown["id"])


def done(server: Livy, session: int, job: int) -> Json:
    address = f"/sessions/{session}/jobs/{job}"

    def over() -> Json | None:
        found: Json = server.http.get(address).json()
        assert list(found) == ["id", "state", "result", "error"]
        return found if found["state"] not in ("QUEUED", "STARTED") else None

    found: Json = until(over, 90, "the job is over")
    return found


def result(server: Livy, session: int, function: Any, command: str = "submit-job") -> Any:
    found = done(server, session, send(server, session, function, command))
    assert found["state"] == "SUCCEEDED", found["error"]
    # Twice, as the client does.
    return cloudpickle.loads(base64.b64decode(base64.b64decode(found["result"])))


def test_job_has_a_context(server: Livy, session: int) -> None:
    assert result(server, session, lambda context: context.sc.range(10).count()) == 10
    names = result(
        server,
        session,
        lambda context: [
            type(one).__name__ for one in (context.sc, context.sql_ctx, context.spark_session)
        ],
        "run-job",
    )
    assert names == ["SparkContext", "SQLContext", "SparkSession"]
    assert result(server, session, lambda context: None) is None


def test_job_shares_objects_with_later_jobs(server: Livy, session: int) -> None:
    result(server, session, lambda context: context.set_shared_object("seven", 7))
    assert result(server, session, lambda context: context.get_shared_object("seven")) == 7
    result(server, session, lambda context: context.remove_shared_object("seven"))
    assert result(server, session, lambda context: context.get_shared_object("seven")) is None


def test_failed_job_says_why(server: Livy, session: int) -> None:
    found = done(server, session, send(server, session, lambda context: 1 / 0))
    assert (found["state"], found["result"]) == ("FAILED", None)
    assert found["error"].startswith("Client job error:Traceback")
    assert "ZeroDivisionError: division by zero" in found["error"]
    streaming = send(server, session, lambda context: context.create_streaming_ctx(1))
    assert "readStream" in done(server, session, streaming)["error"]


def test_cancelled_job_stops(server: Livy, session: int) -> None:
    job = send(server, session, lambda context: __import__("time").sleep(60))
    address = f"/sessions/{session}/jobs/{job}"
    until(lambda: server.http.get(address).json()["state"] == "STARTED", 30, "it runs")
    assert server.http.post(f"{address}/cancel").status_code == 200
    assert done(server, session, job)["state"] == "CANCELLED"


def test_jobs_are_in_no_list(server: Livy, session: int) -> None:
    address = f"/sessions/{session}/statements"
    before = server.http.get(address).json()["total_statements"]
    result(server, session, lambda context: 1)
    assert server.http.get(address).json()["total_statements"] == before
    number = server.submit(session, "1")
    assert number == before
    server.done(session, number)


def test_job_that_waits_survives_the_servers_kill(server: Livy, session: int) -> None:
    first = server.submit(session, "import time; time.sleep(3)")
    jobs = [send(server, session, lambda context, n=n: n) for n in (1, 2)]
    server.kill()
    server.start()
    assert server.done(session, first)["state"] == "available"
    for number, job in enumerate(jobs, 1):
        found = done(server, session, job)["result"]
        assert cloudpickle.loads(base64.b64decode(base64.b64decode(found))) == number


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"jobType": "pyspark"}, 400, "no job provided"),
        ({"job": "", "jobType": "pyspark"}, 400, "no job provided"),
        ({"job": "AAAA", "jobType": "spark"}, 400, "Java and Scala"),
        ({"job": "***", "jobType": "pyspark"}, 400, "base64"),
        ({"job": "AAAA", "jobType": "pyspark", "more": 1}, 400, "Unrecognized field"),
    ],
)
def test_bad_job_is_refused(
    server: Livy, session: int, body: Json, status: int, words: str
) -> None:
    answer = server.http.post(f"/sessions/{session}/submit-job", json=body)
    assert answer.status_code == status
    assert words in answer.json()["msg"]


def test_unknown_job_is_not_found(server: Livy, session: int) -> None:
    assert server.http.get(f"/sessions/{session}/jobs/9999").status_code == 404
    assert server.http.get(f"/sessions/{session}/jobs/0").status_code == 404
    assert server.http.post(f"/sessions/{session}/jobs/9999/cancel").status_code == 404
    assert server.http.get(f"/sessions/{session}/jobs/x").status_code == 400


def upload(server: Livy, session: int, what: str, name: str, content: bytes) -> Any:
    field = "jar" if what == "jar" else "file"
    files = {field: (name, content)}
    return server.http.post(f"/sessions/{session}/upload-{what}", files=files)


def test_uploads_are_used_by_what_comes_later(server: Livy, session: int) -> None:
    assert upload(server, session, "file", "seven.txt", b"7").json() == {"msg": "added"}
    assert upload(server, session, "pyfile", "eight.py", b"EIGHT = 8").status_code == 200
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writing:
        writing.writestr("nine/__init__.py", "NINE = 9")
    assert upload(server, session, "pyfile", "nine.zip", archive.getvalue()).status_code == 200

    def use(context: Any) -> list[int]:
        from pyspark import SparkFiles

        def in_executor(_: int) -> int:
            import eight
            import nine

            with open(SparkFiles.get("seven.txt")) as stream:  # noqa: PTH123
                return int(stream.read()) + eight.EIGHT + nine.NINE

        found: list[int] = context.sc.parallelize([0]).map(in_executor).collect()
        return found

    assert result(server, session, use) == [24]
    assert server.run(session, "import eight; eight.EIGHT")["data"] == {"text/plain": "8"}


def test_uploaded_jar_is_in_the_driver_and_in_sql(
    server: Livy, session: int, tmp_path: Path
) -> None:
    source = tmp_path / "Hop.scala"
    source.write_text(
        "package farm\n"
        "class Hop extends org.apache.spark.sql.api.java.UDF1[Long, Long]"
        " { def call(n: Long) = n + 1 }\n"
        'object Hop { def name = "hop" }'
    )
    jars = f"{Path(pyspark.__file__).parent}/jars/*"
    command = ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", jars]
    command += ["scala.tools.nsc.Main", "-usejavacp", "-d", str(tmp_path), str(source)]
    subprocess.run(command, check=True, timeout=120)
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w") as writing:
        for file in (tmp_path / "farm").iterdir():
            writing.write(file, f"farm/{file.name}")
    assert upload(server, session, "jar", "hop.jar", jar.getvalue()).json() == {"msg": "added"}
    code = (
        "from pyspark.sql.types import LongType\n"
        "spark.udf.registerJavaFunction('hop', 'farm.Hop', LongType())\n"
        "sc._jvm.farm.Hop.name(), spark.sql('select hop(id) n from range(2)').collect()"
    )
    output = server.run(session, code)
    assert output.get("data") == {"text/plain": "('hop', [Row(n=1), Row(n=2)])"}, output


def test_bad_upload_is_refused(server: Livy, session: int) -> None:
    address = f"/sessions/{session}/upload-file"
    assert server.http.post(address).json() == {"msg": "No file sent!"}
    answer = server.http.post(f"/sessions/{session}/upload-jar", files={"file": ("a.jar", b"")})
    assert (answer.status_code, answer.json()) == (400, {"msg": "No jar sent!"})
    for name in ("../x.txt", ".hidden", "a/b", "a b"):
        answer = server.http.post(address, files={"file": (name, b"x")})
        assert answer.status_code == 400, name
        assert "is not allowed" in answer.json()["msg"]
    assert upload(server, session, "file", "once.txt", b"1").status_code == 200
    assert upload(server, session, "file", "once.txt", b"2").status_code == 409


def test_added_resource_is_in_the_project(server: Livy, session: int) -> None:
    folder = server.data / "projects" / "standalone" / "Resources"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ten.py").write_text("TEN = 10")
    address = f"/sessions/{session}/add-pyfile"
    assert server.http.post(address, json={"uri": "Resources/ten.py"}).json() == {"msg": "added"}
    assert server.run(session, "import ten; ten.TEN")["data"] == {"text/plain": "10"}
    for uri in ("/etc/passwd", "file:///etc/passwd", "../../x.py"):
        answer = server.http.post(address, json={"uri": uri})
        assert answer.status_code == 400
        assert "cannot be added to user sessions" in answer.json()["msg"]
    answer = server.http.post(f"/sessions/{session}/add-file", json={"uri": "nowhere.txt"})
    assert answer.status_code == 400
    assert "nowhere.txt cannot be added" in answer.json()["msg"]
