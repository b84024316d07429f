"""What runs beside the workers on Kubernetes, where it is wanted: the ingress and the codec server."""

import pytest

from tests.deploy.composition import known_settings
from tests.deploy.test_kubernetes import FOLDER, OTHERS, configuration, pod, the, worker
from workers.ingress.main import LAST_SECONDS

each_other = pytest.mark.parametrize("name", OTHERS)
LISTENS = {"codec-server": "HOOKFLASH_CODEC_SERVER_ADDRESS", "ingress": "HOOKFLASH_INGRESS_ADDRESS"}


def own_configuration(name: str) -> dict[str, str]:
    return the("ConfigMap", f"hookflash-{name}")["data"]


def mounted(name: str) -> set[str]:
    """Return the path of every file of a secret that a process sees; a folder as a whole ends with a slash."""
    places = {it["name"]: it["mountPath"] for it in worker(name)["volumeMounts"]}
    found: set[str] = set()
    for volume in pod(name)["volumes"]:
        items = volume["secret"].get("items")
        files = [it["path"] for it in items] if items else [""]
        found |= {f"{places[volume['name']]}/{it}" for it in files}
    return found


@each_other
def test_its_settings_are_settings(name: str) -> None:
    assert own_configuration(name).keys() <= known_settings()[name]
    assert worker(name)["args"] == [name]


@each_other
def test_it_sees_its_own_secrets_and_of_the_workers_the_keys_alone(name: str) -> None:
    assert mounted(name) == {f"/run/secrets/hookflash-{name}/", "/run/secrets/hookflash/encryption_keys"}
    files = {value for variable, value in own_configuration(name).items() if variable.endswith("_FILE")}
    own = {it for it in files if it.startswith(f"/run/secrets/hookflash-{name}/")}
    assert files - own <= mounted(name)
    created = " ".join(f"--from-file={it.rpartition('/')[2]}" for it in sorted(own))
    assert f"create secret generic hookflash-{name} {created}" in (FOLDER / "README.md").read_text()
    for volume in pod(name)["volumes"]:
        assert volume["secret"]["defaultMode"] == 0o440
    assert all(it["readOnly"] for it in worker(name)["volumeMounts"])


@each_other
def test_it_is_reached_by_its_port_and_nothing_but_the_proxy_reaches_it(name: str) -> None:
    host, _, port = own_configuration(name)[LISTENS[name]].rpartition(":")
    assert host == "0.0.0.0"
    assert {"name": "http", "containerPort": int(port)} in worker(name)["ports"]
    service = the("Service", f"hookflash-{name}")["spec"]
    labels = the("Deployment", f"hookflash-{name}")["spec"]["template"]["metadata"]["labels"]
    assert service["selector"] == labels
    assert [(it["name"], it["targetPort"]) for it in service["ports"]] == [("http", "http")]
    policy = the("NetworkPolicy", f"hookflash-{name}")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert [it["port"] for it in policy["ingress"][0]["ports"]] == [int(port)]
    # That of the workers is not for it: it may not reach what they may.
    workers = the("NetworkPolicy", "hookflash")["spec"]["podSelector"]["matchLabels"]
    assert not workers.items() <= labels.items()


@each_other
def test_tls_ends_in_front_of_it(name: str) -> None:
    front = the("Ingress", f"hookflash-{name}")["spec"]
    (rule,) = front["rules"]
    assert front["tls"][0]["hosts"] == [rule["host"]]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": f"hookflash-{name}", "port": {"name": "http"}}


@each_other
def test_it_is_looked_after(name: str) -> None:
    ports = {it["name"] for it in worker(name)["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert worker(name)[probe]["httpGet"]["port"] in ports
    ready = worker(name)["readinessProbe"]["httpGet"]["path"]
    assert ready == ("/readyz" if name == "ingress" else "/livez")


def test_the_ingress_is_where_twilio_is_told_that_it_is() -> None:
    (rule,) = the("Ingress", "hookflash-ingress")["spec"]["rules"]
    assert own_configuration("ingress")["HOOKFLASH_TWILIO_CALLBACK_URL"] == f"https://{rule['host']}"
    assert rule["http"]["paths"][0]["path"] == "/twilio/"


def test_the_ingress_has_the_rest_of_its_settings_from_the_workers() -> None:
    sources = [it["configMapRef"]["name"] for it in worker("ingress")["envFrom"]]
    assert sources == ["hookflash", "hookflash-ingress"]
    shared = configuration().keys() & known_settings()["ingress"]
    assert shared >= {"TEMPORAL_ADDRESS", "HOOKFLASH_ENCRYPTION_KEYS_FILE", "HOOKFLASH_HEALTH_ADDRESS"}
    assert configuration()["HOOKFLASH_ENCRYPTION_KEYS_FILE"] in mounted("ingress")
    ports = {it["name"]: it["containerPort"] for it in worker("ingress")["ports"]}
    for name in ("health", "metrics"):
        assert configuration()[f"HOOKFLASH_{name.upper()}_ADDRESS"] == f"0.0.0.0:{ports[name]}"


def test_the_ingress_has_the_time_to_end_and_others_are_there() -> None:
    waits = worker("ingress")["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod("ingress")["terminationGracePeriodSeconds"] >= waits + LAST_SECONDS + 10
    scaler = the("HorizontalPodAutoscaler", "hookflash-ingress")["spec"]
    assert scaler["scaleTargetRef"]["name"] == "hookflash-ingress"
    assert scaler["minReplicas"] == 2
    assert "replicas" not in the("Deployment", "hookflash-ingress")["spec"]
    assert worker("ingress")["resources"]["requests"]["cpu"], "a share of nothing is nothing"


def test_the_codec_server_calls_nobody() -> None:
    assert the("NetworkPolicy", "hookflash-codec-server")["spec"]["egress"] == []
    assert the("Deployment", "hookflash-codec-server")["spec"]["replicas"] == 2
    assert own_configuration("codec-server").keys() == known_settings()["codec-server"]
