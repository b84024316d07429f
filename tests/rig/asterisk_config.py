"""The configuration of the rig's Asterisk: the fewest modules and the shortest files a transfer engine needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.rig.ports import PortBlock
from tests.rig.tones import ANNOUNCEMENTS, RECORDINGS, write_wav

APP = "hookflash"
ARI_USER = "hookflash"
ARI_PASSWORD = "only-on-loopback"
MANAGER_USER = "adopter"
MANAGER_PASSWORD = "also-only-on-loopback"
CERTIFICATE = Path(__file__).with_name("loopback.pem")
"""Of the manager's TLS port, with its key: a secret of nobody, for 127.0.0.1."""
MAILBOX = "17"
"""A mailbox of context ``default``."""

# Shell-like braces keep families of modules on one line: see `_expand`.
MODULES = """
res_sorcery_{config,memory,astdb} res_timing_timerfd pbx_config res_musiconhold res_crypto
res_http_websocket res_websocket_client
codec_{ulaw,alaw,a_mu,gsm,resample} format_{pcm,wav,gsm,sln}
bridge_{simple,native_rtp,softmix,holding,builtin_features} chan_bridge_media
res_pjproject res_pjsip
res_pjsip_{session,sdp_rtp,caller_id,rfc3326,endpoint_identifier_user,endpoint_identifier_ip}
res_pjsip_{endpoint_identifier_anonymous,dtmf_info,header_funcs,refer,diversion,nat,logger,pubsub}
res_rtp_asterisk chan_pjsip res_rtp_multicast chan_rtp
res_stasis res_stasis_{answer,playback,recording,snoop,device_state}
res_ari
res_ari_{model,applications,asterisk,bridges,channels,device_states,endpoints,events,playbacks,recordings,sounds}
app_stasis app_{amd,dial,playback,playtones,echo,verbose,stack,queue,voicemail}
func_{callerid,channel,dialplan,logic,timeout,global,strings,hangupcause}
"""

# Asterisk complains about a missing file of these, and is content with an empty one.
EMPTY_FILES = """
acl amd ccss cel cli codecs dsp extconfig features pjproject queuerules sorcery stasis udptl websocket_client
"""

# Without all of these keys the zone is refused, and ringback would be silent. The rig's ringback has no pauses (one
# must not have to wait for its next ring to hear it), and shares no tone with an announcement.
INDICATIONS = """
[general]
country=us
[us]
description=The rig
ringcadence=2000,4000
dial=350+450
busy=480+680/500,0/500
congestion=480+680/250,0/250
ring=360+520
"""

# The first context answers 302s with a refusal: Asterisk would follow them by a Local channel, which arrives here as
# if it were a new inbound call (toll fraud). An 'h' extension must not match, so the pattern asks for two characters.
EXTENSIONS = """
[from-phone]
exten => _[0-9a-zA-Z+][0-9a-zA-Z]!,1(hookflash-guard),GotoIf($["${{CHANNEL(channeltype)}}" = "Local"]?refuse)
 same => n,Stasis({app},inbound,${{EXTEN}})
 same => n,GotoIf($["${{STASISSTATUS}}" = "FAILED"]?hookflash-fallback,s,1)
 same => n,Hangup()
 same => n(refuse),Hangup(21)
exten => T,1,Goto(hookflash-fallback,s,1)

; Calls that never see the engine before they are transferred.
exten => dial-agent,1,Dial(PJSIP/agent,30)
exten => dial-private,1,Goto(rig-private,s,1)
exten => queue-agent,1,Goto(rig-queue,s,1)
exten => alone,1,Answer()
 same => n,Playtones({fallback})
 same => n,Wait(3600)

[rig-private]
exten => s,1,Dial(PJSIP/agent,30)

[rig-queue]
exten => s,1,Queue(support)

; Calls of the dialplan come in here, and talk on if nobody listens. 'T' is where a leg goes whose engine is dead.
[hookflash-adopt]
exten => customer,1,Stasis(${{HOOKFLASH_APP}})
 same => n,GotoIf($["${{STASISSTATUS}}" != "FAILED"]?done)
 same => n,Wait(0.2)
 same => n,Bridge(${{HOOKFLASH_PEER}})
 same => n(done),Hangup()
exten => agent,1,Stasis(${{HOOKFLASH_APP}})
 same => n,GotoIf($["${{STASISSTATUS}}" != "FAILED"]?done)
 same => n,Wait(10)
 same => n(done),Hangup()
exten => T,1,Goto(hookflash-fallback,s,1)

[hookflash-fallback]
exten => s,1,Answer()
 same => n,Playtones({fallback})
 same => n,Wait(3600)
 same => n,Hangup()

; A recording for one leg: the name is the extension. Neither 'h' nor 'T' may match.
[hookflash-farewell]
exten => _[0-9a-zA-Z][0-9a-zA-Z]!,1,Playback(${{EXTEN}})
 same => n,Hangup()

; Its verdict is a variable, whose setting is reported to the engine.
[hookflash-amd]
exten => s,1,AMD()
 same => n,Hangup()

[hookflash-voicemail]
exten => s,1,Answer()
 same => n,Playtones({voicemail})
 same => n,Wait(3600)
 same => n,Hangup()

[hookflash-queue]
exten => s,1,Answer()
 same => n,Playtones({queue})
 same => n,Wait(3600)
 same => n,Hangup()

; The real ones, and what they are told.
[hookflash-mailbox]
exten => s,1,Gosub(rig-told,s,1)
 same => n,VoiceMail({mailbox},u)
 same => n,Hangup()

[hookflash-overflow]
exten => s,1,Gosub(rig-told,s,1)
 same => n,Queue(overflow)
 same => n,Hangup()

[rig-told]
exten => s,1,Log(NOTICE,told ${{HOOKFLASH_OUTCOME}}|${{HOOKFLASH_CAUSE}}|${{HOOKFLASH_TRANSFER}}|${{HOOKFLASH_AGENT}})
 same => n,Return()
"""

MANAGER = """
[general]
enabled=yes
bindaddr=127.0.0.1
port={port}
tlsenable=yes
tlsbindaddr=127.0.0.1:{tls_port}
tlscertfile={certificate}
[{user}]
secret={password}
write=call
"""

# The agent's colleague is the one whom a queue would ring that lost its agent.
QUEUES = """
[general]
[queue](!)
strategy=linear
timeout=10
retry=1
ringinuse=no
joinempty=yes
[support](queue)
member => PJSIP/agent
member => PJSIP/supervisor
[overflow](queue)
member => PJSIP/frontdesk
"""

VOICEMAIL = """
[general]
format=wav
minsecs=1
[default]
{mailbox} => 0000,Mailbox
"""

PJSIP = """
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{sip}

[phone](!)
type=endpoint
transport=udp
context=from-phone
disallow=all
allow=ulaw,alaw
direct_media=no
dtmf_mode=rfc4733
identify_by=username
; A phone is told whom to show: once it has answered, and by a request that every phone knows.
send_pai=yes
send_connected_line=yes
connected_line_method=invite
"""

ENDPOINT = """
[{name}](phone)
aors={name}
[{name}]
type=aor
max_contacts=1
qualify_frequency=0
contact=sip:{name}@127.0.0.1:{port}
"""


def _expand(names: str) -> list[str]:
    """Expand `a_{b,c}` to `a_b` and `a_c`."""
    expanded: list[str] = []
    for name in names.split():
        family = re.fullmatch(r"(.*)\{(.*)\}", name)
        expanded += [family[1] + member for member in family[2].split(",")] if family else [name]
    return expanded


def write_configuration(
    folder: Path, run_folder: Path, installed: Path, ports: PortBlock, phones: Mapping[str, int]
) -> Path:
    """Write everything Asterisk reads into a folder.

    Args:
        folder: gets `etc`, `log`, the sounds and Asterisk's own data.
        run_folder: for the control socket, whose path must be short.
        installed: the root of the unpacked Asterisk.
        ports: the block of ports it lives on.
        phones: the port of each endpoint by its name.

    Returns:
        The path of `asterisk.conf`.
    """
    mailbox = f"spool/voicemail/default/{MAILBOX}"
    for name in ("etc", "log", "data/sounds/en/hookflash", "var/keys", "spool/recording", "moh", "harp", mailbox):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("documentation", "rest-api"):
        link = folder / "data" / name
        if not link.is_symlink():
            link.symlink_to(installed / "usr/share/asterisk" / name)
    for name, frequency in {name: ANNOUNCEMENTS[name][0] for name in ("accept", "notice")}.items():
        write_wav(folder / f"data/sounds/en/hookflash/{name}.wav", frequency, seconds=3)
    for name, seconds in RECORDINGS.items():
        write_wav(folder / f"data/sounds/en/hookflash-{name}.wav", ANNOUNCEMENTS[name][0], seconds)
    write_wav(folder / mailbox / "unavail.wav", ANNOUNCEMENTS["mailbox"][0], seconds=2)
    write_wav(folder / "data/sounds/en/vm-intro.wav", ANNOUNCEMENTS["mailbox"][0], seconds=1)
    write_wav(folder / "data/sounds/en/beep.wav", ANNOUNCEMENTS["beep"][0], seconds=1)
    write_wav(folder / "moh/music.wav", ANNOUNCEMENTS["music"][0], seconds=30)
    write_wav(folder / "harp/harp.wav", ANNOUNCEMENTS["harp"][0], seconds=30)

    rtp_first, rtp_last = ports.rtp
    modules = "\n".join(f"load = {name}.so" for name in _expand(MODULES))
    endpoints = "".join(ENDPOINT.format(name=name, port=port) for name, port in phones.items())
    announcements = {name: ANNOUNCEMENTS[name][0] for name in ("fallback", "voicemail", "queue")}
    files = {
        "asterisk": f"""
[directories]
astetcdir => {folder}/etc
astmoddir => {installed}/usr/lib/x86_64-linux-gnu/asterisk/modules
astdatadir => {folder}/data
astvarlibdir => {folder}/var
astdbdir => {folder}/var
astkeydir => {folder}/var
astagidir => {folder}/var
astspooldir => {folder}/spool
astrundir => {run_folder}
astlogdir => {folder}/log
[options]
systemname = rig
""",
        "modules": f"[modules]\nautoload=no\n{modules}\n",
        "http": f"""
[general]
enabled=yes
bindaddr=127.0.0.1
bindport={ports.http}
sessionlimit=200
session_keep_alive=120000
""",
        "ari": f"[general]\nenabled=yes\n[{ARI_USER}]\ntype=user\nread_only=no\npassword={ARI_PASSWORD}\n",
        "manager": MANAGER.format(
            port=ports.manager,
            tls_port=ports.manager_tls,
            certificate=CERTIFICATE,
            user=MANAGER_USER,
            password=MANAGER_PASSWORD,
        ),
        "queues": QUEUES,
        "voicemail": VOICEMAIL.format(mailbox=MAILBOX),
        "rtp": f"[general]\nrtpstart={rtp_first}\nrtpend={rtp_last}\nicesupport=no\nstrictrtp=no\n",
        "musiconhold": f"[default]\nmode=files\ndirectory={folder}/moh\n[harp]\nmode=files\ndirectory={folder}/harp\n",
        "indications": INDICATIONS,
        "logger": "[general]\n[logfiles]\nfull => notice,warning,error\n",
        "cdr": "[general]\nenable=no\n",
        "extensions": EXTENSIONS.format(app=APP, mailbox=MAILBOX, **announcements),
        "pjsip": PJSIP.format(sip=ports.sip) + endpoints,
        **dict.fromkeys(EMPTY_FILES.split(), ""),
    }
    for name, text in files.items():
        (folder / "etc" / f"{name}.conf").write_text(text, encoding="utf-8")
    return folder / "etc/asterisk.conf"
