"""The test rig for real calls: a real Asterisk, scripted SIP phones, and an ear that tells who hears whom.

* `asterisk_node` runs Asterisk (`asterisk_config` what it reads, `ports` where it lives);
* `phone` is a scripted phone: `behaviour` its script, `call` a call of it, `transactions`, `sip` and `rtp` the wire;
* `ear` asserts who hears whom, `tones` knows what every voice and every announcement sounds like;
* `ari` stands for a contact centre's own call control.
"""
