"""An Asterisk that runs on the files of `deploy/asterisk`, written by their own script, on the rig's ports."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from tests.rig.asterisk_config import ENDPOINT
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.certificates import Certificate, authority, signed_for
from tests.rig.tones import ANNOUNCEMENTS, RECORDINGS, write_wav

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy" / "asterisk"
HOST = "localhost"
DIRECT_CALL: Final = """\
; A call that never sees the engine before it is transferred.
[from-phone](+)
exten => dial-agent,1,Dial(PJSIP/agent,30)
"""


class DeployedNode(AsteriskNode):
    """The rig's phones on the shipped configuration, with ARI over TLS."""

    ari_password = "a-secret-of-the-deployment"
    manager_user = "hookflash"
    manager_password = "a-secret-of-the-manager"

    def __init__(self, folder: Path, site: Path | None = None) -> None:
        """Prepare a node.

        Args:
            folder: as for any node.
            site: the contact centre's own files. Default: the example's dialplan, and the phones of the rig.
        """
        super().__init__(folder)
        self._site = site
        self.authority: Certificate = authority(folder / "tls", "rig-authority")
        self.certificate: Certificate = signed_for(HOST, self.authority, folder / "tls")
        self.password_file = folder / "ari_password"
        self.manager_password_file = folder / "manager_password"

    @property
    def ari_url_by_tls(self) -> str:
        """The base of all ARI paths, as a worker on another machine has it."""
        return f"https://{HOST}:{self.ports.https}/ari"

    def _configure(self, run_folder: Path) -> None:
        for file, secret in (
            (self.password_file, self.ari_password),
            (self.manager_password_file, self.manager_password),
        ):
            file.write_text(f"{secret}\n")
            file.chmod(0o600)
        for folder in ("moh", "site/sounds/en"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        write_wav(self.folder / "moh/music.wav", ANNOUNCEMENTS["music"][0], seconds=30)
        done = self.configure(run_folder=run_folder, **self._places(run_folder))
        assert done.returncode == 0, done.stderr

    def _places(self, run_folder: Path) -> dict[str, str]:
        rtp_first, rtp_last = self.ports.rtp
        return {
            "RUN": str(run_folder),
            "MUSIC": str(self.folder / "moh"),
            "SITE": str(self._site or self._rig_site()),
            "ARI_PORT": str(self.ports.http),
            "MANAGER_PASSWORD_FILE": str(self.manager_password_file),
            "MANAGER_PORT": str(self.ports.manager),
            "MANAGER_TLS_BIND": f"127.0.0.1:{self.ports.manager_tls}",
            "TLS_BIND": f"127.0.0.1:{self.ports.https}",
            "TLS_CERTIFICATE_FILE": str(self.certificate.certificate),
            "TLS_KEY_FILE": str(self.certificate.key),
            "SIP_BIND": f"127.0.0.1:{self.ports.sip}",
            "RTP_FIRST": str(rtp_first),
            "RTP_LAST": str(rtp_last),
        }

    def _rig_site(self) -> Path:
        site = self.folder / "site"
        example = (DEPLOY / "site.example/extensions.conf").read_text()
        (site / "extensions.conf").write_text(f"{example}\n{DIRECT_CALL}")
        phones = (ENDPOINT.format(name=name, port=port) for name, port in self.phone_ports.items())
        (site / "pjsip.conf").write_text("".join(phones).replace("(phone)", "(hookflash-phone)"))
        for name, seconds in RECORDINGS.items():
            write_wav(site / f"sounds/en/hookflash-{name}.wav", ANNOUNCEMENTS[name][0], seconds)
        return site

    def configure(self, run_folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the script that the container runs before Asterisk."""
        installed = self._installed
        where = {
            "TEMPLATES": str(DEPLOY / "etc/asterisk"),
            "ETC": str(self.folder / "etc"),
            "STATE": str(self.folder / "var"),
            "SPOOL": str(self.folder / "spool"),
            "LOG": str(self.folder / "log"),
            "SHARE": str(installed / "usr/share/asterisk"),
            "MODULES": str(installed / "usr/lib/x86_64-linux-gnu/asterisk/modules"),
            "ARI_PASSWORD_FILE": str(self.password_file),
            "RUN": str(run_folder),
        }
        environment = {"PATH": os.environ["PATH"], **where, **variables}
        return subprocess.run([DEPLOY / "bin/configure"], env=environment, capture_output=True, text=True, check=False)
