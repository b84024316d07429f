"""deploy/kubernetes: judged by the schemas of Kubernetes, and by what workers need to drain and to take over."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import aiohttp
import pytest
import yaml
from temporalio import activity
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import Worker

from tests.deploy.composition import ROOT, Yaml, documents, known_settings
from tests.deploy.image import stages
from tests.support.polling import eventually
from tests.support.ports import free_port
from workers.engine import Role
from workers.sandbox import sandbox
from workers.slots import ACTIVITIES_WHEN_BUSY, WORKFLOW_STEPS
from workflows.call_back import CallBack

FOLDER = ROOT / "deploy/kubernetes"
KUSTOMIZATIONS = sorted(FOLDER.rglob("kustomization.yaml"))
MANIFESTS = [it for it in sorted(FOLDER.rglob("*.yaml")) if it not in KUSTOMIZATIONS]


def resources(kind: str) -> Iterator[Yaml]:
    """Return every resource of a kind."""
    return (it for file in MANIFESTS for it in documents(file) if it["kind"] == kind)


def the(kind: str, name: str) -> Yaml:
    """Return one resource."""
    (found,) = (it for it in resources(kind) if it["metadata"]["name"] == name)
    return found


def configuration(role: str = "engine") -> dict[str, str]:
    (source,) = worker(role)["envFrom"]
    return the("ConfigMap", source["configMapRef"]["name"])["data"]


ROLES = [str(role) for role in Role if role is not Role.ALL]
each_role = pytest.mark.parametrize("role", ROLES)
OTHERS = ["codec-server", "ingress"]
"""Processes that are no workers, and not everybody needs: each in a folder of its own."""
each_process = pytest.mark.parametrize("role", [*ROLES, *OTHERS])


def pod(role: str) -> dict[str, Any]:
    return the("Deployment", f"hookflash-{role}")["spec"]["template"]["spec"]


def worker(role: str) -> dict[str, Any]:
    (container,) = pod(role)["containers"]
    return cast("dict[str, Any]", container)


def mounted_at(role: str) -> str:
    """Return where a worker has its secret."""
    (mount,) = worker(role)["volumeMounts"]
    return cast("str", mount["mountPath"])


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda it: it.name)
def test_it_keeps_to_the_schemas_of_kubernetes(manifest: Path) -> None:
    command = [Path(sys.executable).with_name("kubernetes-validate"), "--strict", manifest]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARN" not in done.stdout + done.stderr


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS, ids=lambda it: it.parent.name)
def test_kustomize_is_told_of_every_manifest(kustomization: Path) -> None:
    (whole,) = documents(kustomization)
    assert sorted(whole["resources"]) == [it.name for it in MANIFESTS if it.parent == kustomization.parent]
    assert whole["images"] == [{"name": worker("engine")["image"], "newTag": version("hookflash")}]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl on this machine")
@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS, ids=lambda it: it.parent.name)
def test_kustomize_itself_takes_it(kustomization: Path) -> None:
    done = subprocess.run(["kubectl", "kustomize", kustomization.parent], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"image: hookflash:{version('hookflash')}" in done.stdout


def test_the_settings_of_the_workers_are_settings() -> None:
    for role in ROLES:
        assert configuration(role).keys() <= known_settings()["worker"]


def overlays() -> list[Yaml]:
    """Return those of the page, in its order."""
    blocks = re.findall(r"^( *)```yaml\n(.*?)^ *```$", (FOLDER / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return [it for _, block in blocks if "kind: Kustomization" in block for it in [yaml.safe_load(block)]]


def patched(overlay: Yaml) -> dict[str, str | None]:
    """Return what an overlay says anew of the settings."""
    (patch,) = (yaml.safe_load(it["patch"]) for it in overlay["patches"])
    assert the(patch["kind"], patch["metadata"]["name"])
    return patch["data"]


def test_the_overlays_of_the_page_patch_what_there_is() -> None:
    assert len(overlays()) == 4
    for overlay in overlays():
        assert [it["name"] for it in overlay["images"]] == [worker("engine")["image"]]
        assert patched(overlay).keys() <= known_settings()["worker"]
    of_a_build = overlays()[-1]
    (build,) = (it["pairs"]["hookflash/build"] for it in of_a_build["labels"] if it["includeSelectors"])
    assert patched(of_a_build) == {"HOOKFLASH_DEPLOYMENT_BUILD_ID": build}
    assert of_a_build["images"][0]["newTag"] == build
    # Names of resources have no dots.
    assert of_a_build["nameSuffix"] == f"-{build.replace('.', '-')}"


def test_every_role_has_its_workers_and_every_other_process_its_own() -> None:
    deployed = {it["metadata"]["name"] for it in resources("Deployment")}
    assert deployed == {f"hookflash-{it}" for it in (*ROLES, *OTHERS)}


@each_role
def test_a_worker_has_the_time_to_end(role: str) -> None:
    assert worker(role)["args"] == ["--role", role]
    timeout = int(configuration(role)["HOOKFLASH_GRACEFUL_SHUTDOWN_TIMEOUT"])
    assert pod(role)["terminationGracePeriodSeconds"] >= timeout + 10


@each_role
def test_a_worker_is_looked_after(role: str) -> None:
    ports = {
        name: int(configuration(role)[f"HOOKFLASH_{name.upper()}_ADDRESS"].rpartition(":")[2])
        for name in ("health", "metrics")
    }
    assert worker(role)["ports"] == [{"name": name, "containerPort": port} for name, port in ports.items()]
    annotations = the("Deployment", f"hookflash-{role}")["spec"]["template"]["metadata"]["annotations"]
    # Neither the kubelet nor Prometheus is in the pod.
    assert all(configuration(role)[f"HOOKFLASH_{name.upper()}_ADDRESS"].startswith("0.0.0.0:") for name in ports)
    assert annotations == {"prometheus.io/scrape": "true", "prometheus.io/port": str(ports["metrics"])}
    paths = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    for probe, path in paths.items():
        assert worker(role)[probe]["httpGet"] == {"path": path, "port": "health"}


@each_process
def test_a_process_has_no_rights(role: str) -> None:
    user = int(stages()[-1].all("USER")[0].partition(":")[0])
    assert pod(role)["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert worker(role)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod(role)["automountServiceAccountToken"] is False


@each_role
def test_secrets_are_files_that_only_the_worker_reads(role: str) -> None:
    assert "env" not in worker(role)
    (volume,) = pod(role)["volumes"]
    assert volume["secret"]["defaultMode"] == 0o440
    (mount,) = worker(role)["volumeMounts"]
    secret = re.compile("PASSWORD|SECRET|API_KEY|_FILE$")
    files = {value for name, value in configuration(role).items() if secret.search(name)}
    assert files == {f"{mount['mountPath']}/{it}" for it in ("ari_password", "ca.pem", "encryption_keys")}
    # A part of a volume (subPath) would never be seen to change.
    assert mount.keys() == {"name", "mountPath", "readOnly"}
    told = (FOLDER / "README.md").read_text()
    files_of_it = "--from-file=ari_password --from-file=ca.pem --from-file=encryption_keys"
    assert f"create secret generic {volume['secret']['secretName']} {files_of_it}" in told


@each_process
def test_one_at_a_time_is_replaced_or_taken_away(role: str) -> None:
    deployment = the("Deployment", f"hookflash-{role}")
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    budget = the("PodDisruptionBudget", f"hookflash-{role}")["spec"]
    assert budget["maxUnavailable"] == 1
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert budget["selector"]["matchLabels"] == deployment["spec"]["selector"]["matchLabels"] == labels


@pytest.mark.parametrize("role", ["listener", "provider"])
def test_another_one_stands_by(role: str) -> None:
    assert the("Deployment", f"hookflash-{role}")["spec"]["replicas"] == 2


def test_engines_are_added_when_half_of_what_a_busy_one_takes_is_taken() -> None:
    scaler = the("HorizontalPodAutoscaler", "hookflash-engine")["spec"]
    assert scaler["scaleTargetRef"]["name"] == "hookflash-engine"
    assert scaler["minReplicas"] == 2
    assert "replicas" not in the("Deployment", "hookflash-engine")["spec"]
    targets = {
        it["pods"]["metric"]["selector"]["matchLabels"]["worker_type"]: int(it["pods"]["target"]["averageValue"])
        for it in scaler["metrics"]
    }
    assert targets == {"ActivityWorker": ACTIVITIES_WHEN_BUSY // 2, "WorkflowWorker": WORKFLOW_STEPS // 2}


@each_role
def test_a_network_policy_is_for_the_workers_and_lets_metrics_be_read(role: str) -> None:
    labels = the("Deployment", f"hookflash-{role}")["spec"]["template"]["metadata"]["labels"]
    policies = [it["spec"] for it in resources("NetworkPolicy")]
    (policy,) = (it for it in policies if it["podSelector"]["matchLabels"].items() <= labels.items())
    (ingress,) = policy["ingress"]
    assert ingress["ports"] == [
        {"port": it["containerPort"]} for it in worker(role)["ports"] if it["name"] == "metrics"
    ]
    to = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    temporal = int(configuration(role)["TEMPORAL_ADDRESS"].rpartition(":")[2])
    assert {temporal, 8089} <= to


async def test_workers_measure_what_the_autoscaler_looks_at(client: Client) -> None:
    address = f"127.0.0.1:{free_port()}"
    measured = PrometheusConfig(bind_address=address, counters_total_suffix=True, unit_suffix=True)
    connected = await Client.connect(
        client.service_client.config.target_host, runtime=Runtime(telemetry=TelemetryConfig(metrics=measured))
    )
    looked_at = the("HorizontalPodAutoscaler", "hookflash-engine")["spec"]["metrics"]
    wanted = [
        (
            it["pods"]["metric"]["name"],
            f'worker_type="{it["pods"]["metric"]["selector"]["matchLabels"]["worker_type"]}"',
        )
        for it in looked_at
    ]

    async def told() -> str | None:
        async with aiohttp.ClientSession() as session, session.get(f"http://{address}/metrics") as answer:
            series = (await answer.text()).splitlines()
        there = all(any(it.startswith(f"{name}{{") and label in it for it in series) for name, label in wanted)
        return "all" if there else None

    queue = f"measured-{uuid4()}"
    async with Worker(
        connected, task_queue=queue, workflows=[CallBack], activities=[nothing], workflow_runner=sandbox()
    ):
        await eventually(told, f"{wanted} at /metrics", 20)


@activity.defn
async def nothing() -> None: ...
