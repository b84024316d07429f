"""What the deployment makes before anything else runs: secrets, and the namespace of the transfers."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client

from tests.deploy.composition import ROOT


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the secrets, as `create-secrets` makes them."""
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    subprocess.run([ROOT / "deploy/bin/create-secrets", folder], check=True, capture_output=True)
    return folder


@pytest.fixture
def namespace(client: Client) -> dict[str, str]:
    """The environment of a job or a worker, for a namespace that is not there yet."""
    address = client.service_client.config.target_host
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": f"deploy-{uuid4()}"}
