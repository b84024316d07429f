"""Which providers a worker serves: the simulator, Asterisk nodes of the environment and of a file, Twilio."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import SecretStr, TypeAdapter, ValidationError, model_validator

from activities.telephony.asterisk import AsteriskSettings, ManagerSettings
from workers.nodes import AsteriskNodes, Name
from workers.secret_files import SecretFile, is_exposed
from workers.twilio_account_settings import TwilioAccountSettings
from workers.variables import FILE_SUFFIX, SettingsError, explain, from_file, variable_of

SIMULATOR = "simulator"
"""Name of the simulated node."""
_NAMES: TypeAdapter[tuple[Name, ...]] = TypeAdapter(tuple[Name, ...])


class ProviderSettings(TwilioAccountSettings):
    """Where calls are, and how they are reached."""

    simulator: bool = False
    """Run a simulated exchange as the provider `simulator`. It lives in the memory of one process, so it needs
    `--role all` or `--role provider`, and a single worker of it."""
    providers_elsewhere: str | None = None
    """Nodes, with commas between, whose calls this engine leaves to workers with `--role provider`, which alone need to
    reach them: all that begins from now on. Unset: it reaches every node itself."""
    asterisk_url: str | None = None
    """Base of the ARI REST interface of an Asterisk node: https://pbx.example:8089/ari, or http on this machine. Unset:
    no Asterisk."""
    asterisk_ca_file: Path | None = None
    """File with the certificate of the authority, in PEM, by which the node's certificate is judged. Unset: those that
    this machine trusts."""
    asterisk_allow_plain_http: bool = False
    """Allow http to another machine, where everybody on the way can read the password and command every call."""
    asterisk_app: str | None = None
    """ARI application of this engine; its own on every node."""
    asterisk_username: str | None = None
    """ARI user."""
    asterisk_password: SecretStr | None = None
    """That user's password."""
    asterisk_trunk: str | None = None
    """PJSIP endpoint that carries tel: addresses. Unset: they are invalid destinations."""
    asterisk_manager_host: str | None = None
    """Where the node's manager interface (AMI) listens. Unset: calls that are still in the dialplan are refused."""
    asterisk_manager_port: int | None = None
    """Its port. Unset: 5038."""
    asterisk_manager_tls: bool = False
    """Reach it over TLS. Without it user, password and channel names are sent as they are."""
    asterisk_manager_allow_plain_tcp: bool = False
    """Allow another machine without TLS, where everybody on the way can read the password and redirect every call."""
    asterisk_manager_ca_file: Path | None = None
    """Certificates (PEM) by which its certificate is judged. Unset: those of the system."""
    asterisk_manager_username: str | None = None
    """Its user, with `write = call`."""
    asterisk_manager_password: SecretStr | None = None
    """That user's secret."""
    asterisk_manager_contexts: str | None = None
    """Dialplan contexts from which calls may be taken over, with commas between: both legs must be in one of them."""
    asterisk_node: Name = "asterisk"
    """Name of the node: the `provider` of transfer requests. The same in every worker that reaches this node."""
    asterisk_nodes_file: Path | None = None
    """TOML file with a table [nodes.NAME] for each of several Asterisk nodes: url, app, username, password or
    password_file, and more. Unset: no other node than that of the variables above."""

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        Raises:
            SettingsError: Something is wrong, and every wrong variable is named; or there is no provider.
        """
        settings = super().load()
        asterisk = settings.asterisk_url is not None or settings.asterisk_nodes_file is not None
        own = settings.simulator or asterisk or settings.twilio_account_sid is not None
        if not own and not settings.elsewhere():
            raise SettingsError(
                "no provider: set HOOKFLASH_SIMULATOR=true, HOOKFLASH_ASTERISK_URL, HOOKFLASH_ASTERISK_NODES_FILE, "
                "HOOKFLASH_TWILIO_ACCOUNT_SID or HOOKFLASH_PROVIDERS_ELSEWHERE"
            )
        return settings

    @model_validator(mode="after")
    def _nodes_have_names_of_their_own(self) -> Self:
        if self.simulator and self.asterisk_url is not None and self.asterisk_node == SIMULATOR:
            raise ValueError(f"{variable_of('asterisk_node')}: {SIMULATOR} is the name of the other provider")
        others = {SIMULATOR} if self.simulator else set[str]()
        others |= {self.asterisk_node} if self.asterisk_url is not None else set()
        if self.twilio_account_sid is not None and self.twilio_node in others:
            raise ValueError(f"{variable_of('twilio_node')}: {self.twilio_node} is the name of another provider")
        return self

    def elsewhere(self) -> tuple[str, ...]:
        """Return the nodes that other workers reach for this engine.

        Raises:
            SettingsError: That is no list of names.
        """
        try:
            return _NAMES.validate_python([it.strip() for it in (self.providers_elsewhere or "").split(",") if it])
        except ValidationError as error:
            raise SettingsError(f"{variable_of('providers_elsewhere')}: {error.errors()[0]['msg']}") from error

    def asterisk(self) -> AsteriskSettings | None:
        """Return how to reach the Asterisk node, None if there is none.

        Raises:
            SettingsError: A variable is wrong or missing.
        """
        if self.asterisk_url is None:
            return None
        given = {
            "url": self.asterisk_url,
            "ca_file": self.asterisk_ca_file,
            "allow_plain_http": self.asterisk_allow_plain_http,
            "app": self.asterisk_app,
            "username": self.asterisk_username,
            "password": self.asterisk_password,
            "trunk": self.asterisk_trunk,
            "manager": self._manager(),
        }
        try:
            return AsteriskSettings.model_validate({name: it for name, it in given.items() if it is not None})
        except ValidationError as error:
            raise SettingsError(explain(error, "asterisk_")) from error

    def asterisk_nodes(self) -> dict[str, AsteriskSettings]:
        """Return how to reach every Asterisk node, by its name.

        Raises:
            SettingsError: A variable or the file is wrong, or two nodes have one name or are one node.
        """
        nodes: dict[str, AsteriskSettings] = {}
        if (asterisk := self.asterisk()) is not None:
            nodes[self.asterisk_node] = asterisk
        variable = variable_of("asterisk_nodes_file")
        for name, node in self._nodes_of_file().nodes.items():
            others = {SIMULATOR} if self.simulator else set[str]()
            others |= {self.twilio_node} if self.twilio_account_sid is not None else set()
            if name in nodes or name in others:
                raise SettingsError(f"{variable}: nodes.{name}: {name} is the name of another provider")
            nodes[name] = node
        applications = [(node.url, node.app) for node in nodes.values()]
        if len(set(applications)) < len(applications):
            # Its listeners would take the events from each other, for ever.
            raise SettingsError(f"{variable}: two nodes have the same url and the same app")
        return nodes

    def exposed_secrets_of_nodes(self) -> Iterator[str]:
        """Yield the fields of the file of nodes whose secrets every user of this machine may read.

        Raises:
            SettingsError: The file is wrong.
        """
        if self.asterisk_nodes_file is None:
            return
        variable = variable_of("asterisk_nodes_file")
        for field, secret in self._nodes_of_file().secrets():
            if not isinstance(secret, SecretFile):
                if is_exposed(self.asterisk_nodes_file):
                    yield f"{variable}: {field}"
            elif secret.exposed:
                yield f"{variable}: {field}{FILE_SUFFIX.lower()}"

    def _nodes_of_file(self) -> AsteriskNodes:
        if self.asterisk_nodes_file is None:
            return AsteriskNodes(nodes={})
        return from_file(variable_of("asterisk_nodes_file"), self.asterisk_nodes_file, AsteriskNodes.from_file)

    def _manager(self) -> ManagerSettings | None:
        contexts = self.asterisk_manager_contexts
        given = {
            "host": self.asterisk_manager_host,
            "port": self.asterisk_manager_port,
            "tls": self.asterisk_manager_tls or None,
            "allow_plain_tcp": self.asterisk_manager_allow_plain_tcp or None,
            "ca_file": self.asterisk_manager_ca_file,
            "username": self.asterisk_manager_username,
            "password": self.asterisk_manager_password,
            "contexts": tuple(it.strip() for it in contexts.split(",")) if contexts is not None else None,
        }
        given = {name: it for name, it in given.items() if it is not None}
        if not given:
            return None
        try:
            return ManagerSettings.model_validate(given)
        except ValidationError as error:
            raise SettingsError(explain(error, "asterisk_manager_")) from error
