"""From a request to Spark properties."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from hopyard.errors import InvalidInput
from hopyard.launchers.local import LocalLauncher
from hopyard.livy import conf
from hopyard.livy.requests import CreateBatch, CreateSession
from hopyard.protocol import spark_ui
from hopyard.protocol.properties import OWNED, UMASK
from hopyard.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, spark_conf={"spark.a": "operator", "spark.b": "operator"})


def made(settings: Settings, **fields: object) -> dict[str, str]:
    request = CreateSession.model_validate(fields)
    return conf.spark_conf(
        request, settings, app_name="name", ui_base="/projects/p", ui_secret=b"s" * 32
    )


def test_request_wins_over_operator_and_platform_over_request(settings: Settings) -> None:
    properties = made(settings, driverMemory="3g", conf={"spark.a": "mine", "hopyard.x": "1"})
    assert properties["spark.a"] == "mine"
    assert properties["spark.b"] == "operator"
    assert properties["spark.driver.memory"] == "3g"
    assert properties["spark.driver.host"] == "127.0.0.1"
    assert properties["spark.ui.proxyBase"] == "/projects/p"
    assert "hopyard.x" not in properties
    secret = properties[spark_ui.KEY]
    assert base64.urlsafe_b64decode(secret) == b"s" * 32


def test_spark_authenticates_on_this_machine_and_a_cluster_as_its_operator_says(
    settings: Settings,
) -> None:
    assert made(settings)["spark.authenticate"] == "true"
    settings.spark_conf["spark.authenticate"] = "false"
    assert made(settings)["spark.authenticate"] == "true"
    cluster = settings.model_copy(update={"spark_master": "spark://here:7077"})
    assert made(cluster)["spark.authenticate"] == "false"


@pytest.mark.parametrize(
    ("fields", "cores", "most"),
    [
        ({"numExecutors": 3}, "1", "3"),
        ({"numExecutors": 3, "executorCores": 2}, "2", "6"),
        ({"numExecutors": 3, "conf": {"spark.cores.max": 4}}, "1", "4"),
        ({"executorCores": 2}, "2", None),
    ],
)
def test_number_of_executors_counts_on_standalone_too(
    settings: Settings, fields: dict[str, object], cores: str, most: str | None
) -> None:
    settings = settings.model_copy(update={"spark_master": "spark://here:7077"})
    properties = made(settings, **fields)
    assert properties["spark.executor.cores"] == cores
    assert properties.get("spark.cores.max") == most
    assert "spark.cores.max" not in made(
        settings.model_copy(update={"spark_master": "local[2]"}), **{**fields, "conf": {}}
    )


@pytest.mark.parametrize(
    "key",
    [
        *(one for one in OWNED if not one.endswith(".")),
        "spark.kerberos.keytab",
        "spark.org.apache.spark.ui.JWSFilter.param.secretKey",
        "no.spark.property",
    ],
)
def test_owned_property_is_refused_by_name(settings: Settings, key: str) -> None:
    request = CreateSession(conf={key: "x"})
    with pytest.raises(InvalidInput, match=key.replace(".", r"\.")):
        conf.check(request, settings, platform=True)


def test_master_may_be_set_standalone(settings: Settings) -> None:
    request = CreateSession(conf={"spark.master": "local[1]"})
    conf.check(request, settings, platform=False)
    assert made(settings, conf=request.conf)["spark.master"] == "local[1]"


@pytest.mark.parametrize(
    "fields",
    [
        {"driverMemory": "1t"},
        {"driverMemory": "1k"},
        {"driverCores": 1000},
        {"numExecutors": 1000},
    ],
)
def test_sizes_out_of_range_are_refused(settings: Settings, fields: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        conf.check(CreateSession.model_validate(fields), settings, platform=True)


@pytest.mark.parametrize(
    "key",
    [
        "spark.ui.port\n",
        "spark.ui.port ",
        " spark.ui.port",
        "spark.ui.port\tx",
        "spark.ui.port:x",
        "spark.ui.port=x",
        "spark..ui.port",
        "spark.UI.Port",
        "spark.ui.port.",
        "spark.ui.p\u200bort",
        "spark.ui.p\u00f6rt",
        "spark.ui.port\\",
        "spark.ui.port#",
        "spark.ui.view.acls.groups",
        "spark.yarn.access.namenodes",
        "spark.AUTHENTICATE.secret",
    ],
)
def test_property_by_another_spelling_is_refused(settings: Settings, key: str) -> None:
    with pytest.raises(InvalidInput):
        conf.check(CreateSession(conf={key: "x"}), settings, platform=True)


@pytest.mark.parametrize(
    "key",
    [
        "spark.hadoop.fs.s3a.bucket.my-bucket.endpoint",
        "spark.executorEnv.MY_NAME",
        "spark.metrics.conf.*.sink.console.period",
        "spark.kubernetes.driver.label.app.kubernetes.io/name",
        "livy.rsc.x",
    ],
)
def test_property_of_spark_is_taken(settings: Settings, key: str) -> None:
    conf.check(CreateSession(conf={key: "x"}), settings, platform=True)


@pytest.mark.parametrize(
    "fields",
    [
        {"conf": {"spark.executor.instances": "1000"}},
        {"conf": {"spark.executor.instances": 1000}},
        {"conf": {"spark.driver.memory": "900g"}, "driverMemory": "1g"},
        {"conf": {"spark.driver.memory": "1g"}, "driverMemory": "900g"},
        {"numExecutors": 1000, "conf": {"spark.executor.instances": "1"}},
        {"executorMemory": "60g", "conf": {"spark.executor.memoryOverhead": "10g"}},
    ],
)
def test_limit_holds_whatever_the_way(settings: Settings, fields: dict[str, object]) -> None:
    for model in (CreateSession, CreateBatch):
        with pytest.raises(InvalidInput):
            conf.check(model.model_validate(fields), settings, platform=False)


def test_administrators_own_properties_are_not_held_to_the_limits(tmp_path: Path) -> None:
    own = {"spark.executor.memory": "900g", "spark.executor.instances": "5000"}
    settings = Settings(data_dir=tmp_path, spark_conf=own)
    conf.check(CreateSession(conf={"spark.a": "b"}), settings, platform=True)
    assert made(settings)["spark.executor.instances"] == "5000"


def test_dynamic_allocation_stays_in_the_limits(settings: Settings) -> None:
    properties = made(settings, conf={"spark.dynamicAllocation.enabled": True})
    assert properties["spark.dynamicAllocation.maxExecutors"] == "100"


@pytest.mark.parametrize(("mask", "good"), [("022", True), ("0077", True), ("8", False)])
def test_umask_is_007_or_another_octal_one(settings: Settings, mask: str, good: bool) -> None:
    assert made(settings)[UMASK] == "007"
    request = CreateSession(conf={UMASK: mask})
    if good:
        conf.check(request, settings, platform=True)
        assert made(settings, conf=request.conf)[UMASK] == mask
    else:
        with pytest.raises(InvalidInput, match="octal"):
            conf.check(request, settings, platform=True)


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("Resources/a.jar", "/project/Resources/a.jar"),
        ("/project/Resources/a.jar", "/project/Resources/a.jar"),
        ("file:///project/a.zip#alias", "/project/a.zip#alias"),
        ("hdfs:///x/a.jar", "hdfs:///x/a.jar"),
    ],
)
def test_paths_are_the_drivers(settings: Settings, path: str, seen: str) -> None:
    request = CreateSession(jars=[path])
    assert conf.paths(request, LocalLauncher(settings), "/data/p")["jars"] == [seen]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "file:/etc/passwd",
        "file:///etc/passwd",
        "file://etc/passwd",
        "local:/etc/passwd",
        "../x.jar",
        "/project/../x",
        "/project/%2e%2e/x",
        "a/%2E%2e/%2e./x",
        "//etc/passwd",
        "a.jar,/etc/passwd",
        "jar:file:/etc/passwd",
    ],
)
def test_paths_outside_the_project_are_refused(settings: Settings, path: str) -> None:
    for request in (CreateSession(files=[path]), CreateSession(conf={"spark.files": path})):
        with pytest.raises(InvalidInput):
            conf.paths(request, LocalLauncher(settings), "/data/p")
