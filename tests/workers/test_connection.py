"""The connection to Temporal is set up as Temporal's own tools do it, and what is wrong there is told."""

from pathlib import Path

import pytest

from tests.workers.environ import Environ
from workers.connection import connect_config
from workers.variables import SettingsError


def test_temporal_is_at_home_unless_the_environment_says_otherwise(environ: Environ) -> None:
    assert connect_config() == {"target_host": "localhost:7233", "namespace": "default"}
    environ.set(TEMPORAL_ADDRESS="temporal.example:7233", TEMPORAL_NAMESPACE="calls")
    assert connect_config() == {"target_host": "temporal.example:7233", "namespace": "calls"}


def test_a_profile_of_temporal(environ: Environ, tmp_path: Path) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text('[profile.calls]\naddress = "temporal.example:7233"\nnamespace = "calls"\n')
    environ.set(TEMPORAL_CONFIG_FILE=file, TEMPORAL_PROFILE="calls")
    assert connect_config() == {"target_host": "temporal.example:7233", "namespace": "calls"}


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TEMPORAL_CONFIG_FILE", "/no/such.toml", "TEMPORAL_CONFIG_FILE: there is no file /no/such.toml"),
        ("TEMPORAL_PROFILE", "nobody", "Profile 'nobody' not found"),
        ("TEMPORAL_TLS_CLIENT_CERT_PATH", "/no/such.pem", "TEMPORAL_TLS_*: No such file or directory: /no/such.pem"),
    ],
)
def test_what_is_wrong_with_temporals_own_variables(environ: Environ, variable: str, value: str, said: str) -> None:
    environ.set(**{variable: value})
    with pytest.raises(SettingsError) as error:
        connect_config()
    assert said in str(error.value)
