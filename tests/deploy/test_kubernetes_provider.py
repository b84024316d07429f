"""Providers elsewhere on Kubernetes: what the page has engines and providers be told fits together."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.deploy.test_kubernetes import configuration, mounted_at, overlays, patched, the
from tests.rig.certificates import authority
from workers.settings import Settings


def settings_with(
    overlay_settings: Mapping[str, str | None], role: str, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Load what a worker is told: by the manifests, changed by an overlay, with its secret somewhere else."""
    for name, value in (configuration(role) | dict(overlay_settings)).items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value.replace(mounted_at(role), str(secrets)))
    return Settings.load()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    (tmp_path / "ari_password").write_text("open sesame")
    (tmp_path / "ca.pem").write_bytes(authority(tmp_path, "authority").certificate.read_bytes())
    (tmp_path / "encryption_keys").write_text("2026-11 " + "A" * 43 + "=")
    return tmp_path


def test_providers_reach_the_node_that_engines_leave_to_them(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, at_the_node, at_the_engines, _ = overlays()
    with monkeypatch.context() as environment:
        provider = settings_with(patched(at_the_node), "provider", secrets, environment)
        nodes = provider.asterisk_nodes()
    assert provider.elsewhere() == ()
    assert [it.password.get_secret_value() for it in nodes.values()] == ["open sesame"]
    (secrets / "ari_password").unlink()
    (secrets / "ca.pem").unlink()
    with monkeypatch.context() as environment:
        engine = settings_with(patched(at_the_engines), "engine", secrets, environment)
    assert engine.asterisk_nodes() == {}
    assert engine.elsewhere() == tuple(nodes)


def test_engines_that_reach_no_node_have_no_listener_that_could_not_start() -> None:
    _, _, at_the_engines, _ = overlays()
    assert at_the_engines["replicas"] == [{"name": "hookflash-listener", "count": 0}]


def test_it_shares_nothing_with_the_workers_of_the_engines() -> None:
    """In one namespace neither replaces what is the other's."""
    pod = the("Deployment", "hookflash-provider")["spec"]["template"]
    assert pod["spec"]["serviceAccountName"] == "hookflash-provider"
    assert the("ServiceAccount", "hookflash-provider")["automountServiceAccountToken"] is False
    of_engines = the("NetworkPolicy", "hookflash")["spec"]["podSelector"]["matchLabels"]
    assert not of_engines.items() <= pod["metadata"]["labels"].items()
