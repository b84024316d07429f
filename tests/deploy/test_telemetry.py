"""Prometheus, Grafana and the collector of traces: they look where docker-compose.yml has something to be seen."""

import json
import subprocess
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from tests.deploy.composition import CHECKERS, ROOT, Yaml, documents, file_of, services

PORTS = {
    "prometheus": {9090},
    "jaeger": {4317, 16686},
    "otel-collector": {4318, 8888},
    "temporal": {7233, 8000},
    "asterisk": {8089},
    "engine": {9464},
    "listener": {9464},
    "ingress": {8082, 9464},
    "localhost": {9090},
}
"""Where each service listens: what its configuration says, or its image."""


def prometheus() -> Yaml:
    (whole,) = documents(file_of("prometheus", "/etc/prometheus/prometheus.yml"))
    return whole


def collector() -> Yaml:
    (whole,) = documents(file_of("otel-collector", "/etc/otelcol/collector.yaml"))
    return whole


def jobs() -> dict[str, Yaml]:
    return {it["job_name"]: it for it in prometheus()["scrape_configs"]}


@pytest.mark.checkers
def test_prometheus_itself_takes_its_configuration() -> None:
    config = file_of("prometheus", "/etc/prometheus/prometheus.yml")
    done = subprocess.run(
        [CHECKERS / "promtool", "check", "config", config], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def rules() -> list[Path]:
    """The files of rules, by the names that Prometheus has for them: beside its configuration."""
    return [file_of("prometheus", f"/etc/prometheus/{name}") for name in prometheus()["rule_files"]]


def test_it_alerts_by_our_rules() -> None:
    assert rules() == [ROOT / "deploy/prometheus/alerts.yaml"]


@pytest.mark.checkers
def test_prometheus_itself_takes_the_rules() -> None:
    command = [CHECKERS / "promtool", "check", "rules", "--lint=all", "--lint-fatal", *rules()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (whole,) = documents(*rules())
    assert f"{sum(len(it['rules']) for it in whole['groups'])} rules found" in done.stdout


@pytest.mark.checkers
def test_the_rules_alert_when_there_is_something_to_do_and_only_then() -> None:
    command = [CHECKERS / "promtool", "test", "rules", ROOT / "tests/deploy/alerts.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_that_measures_itself_is_looked_at() -> None:
    targets: list[tuple[str, int]] = []
    for job in jobs().values():
        for group in cast("list[dict[str, Any]]", job.get("static_configs", ())):
            targets += [(host, int(port)) for host, port in (it.split(":") for it in group["targets"])]
        for group in cast("list[dict[str, Any]]", job.get("dns_sd_configs", ())):
            targets += [(host, group["port"]) for host in group["names"]]
    assert {host for host, _ in targets} == {
        *("engine", "listener", "ingress", "temporal", "asterisk", "otel-collector", "localhost")
    }
    assert all(port in PORTS[host] for host, port in targets), targets
    listens = [services()["temporal"]["environment"]["PROMETHEUS_ENDPOINT"].split(":")[1]]
    listens += [
        services()[it]["environment"]["HOOKFLASH_METRICS_ADDRESS"].split(":")[1]
        for it in ("engine", "listener", "ingress")
    ]
    assert listens == ["8000", "9464", "9464", "9464"]


def test_grafana_looks_at_what_is_there() -> None:
    (whole,) = documents(file_of("grafana", "/etc/grafana/provisioning/datasources/hookflash.yaml"))
    found = {cast("str", it["type"]): urlsplit(cast("str", it["url"])) for it in whole["datasources"]}
    assert {kind: it.netloc for kind, it in found.items()} == {
        "prometheus": "prometheus:9090",
        "jaeger": "jaeger:16686",
    }
    assert all(it.port in PORTS[it.hostname or ""] for it in found.values())


def test_grafana_has_our_dashboard() -> None:
    (whole,) = documents(file_of("grafana", "/etc/grafana/provisioning/dashboards/hookflash.yaml"))
    (provider,) = whole["providers"]
    assert provider["type"] == "file"
    folder = file_of("grafana", provider["options"]["path"])
    assert [it.relative_to(folder).as_posix() for it in folder.rglob("*.json")] == ["transfers.json"]
    # It takes whichever Prometheus is there, and there is one.
    (datasource,) = (
        it
        for it in json.loads((folder / "transfers.json").read_text())["templating"]["list"]
        if it["type"] == "datasource"
    )
    (sources,) = documents(file_of("grafana", "/etc/grafana/provisioning/datasources/hookflash.yaml"))
    assert datasource["query"] in {it["type"] for it in sources["datasources"]}


def test_traces_go_from_the_workers_to_the_store() -> None:
    pipeline = collector()["service"]["pipelines"]["traces"]
    for kind in ("receivers", "processors", "exporters"):
        assert set(pipeline[kind]) == collector()[kind].keys()
    endpoint = collector()["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    for worker in ("engine", "listener"):
        to = urlsplit(cast("str", services()[worker]["environment"]["HOOKFLASH_OTLP_ENDPOINT"]))
        assert (to.hostname, to.port) == ("otel-collector", int(endpoint.split(":")[1]))
    host, port = collector()["exporters"]["otlp_grpc"]["endpoint"].split(":")
    assert int(port) in PORTS[host]
