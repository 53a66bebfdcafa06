"""swanctl.conf with many connections, as a router with many sites has them: what testing/bench/connections loads."""

import os

CONNECTION = """\
site-{name} {{
	version = 2
	proposals = aes256gcm16-prfsha256-ecp256,aes256-sha256-modp2048
	local_addrs = {local}
	remote_addrs = {remote}
	send_cert = ifasked
	dpd_delay = {dpd_delay}
	rekey_time = 28800s
	mobike = no
	keyingtries = 0
	local {{
		auth = {auth}
		id = "hub.example.net"{certificate}
	}}
	remote {{
		auth = {auth}
		id = "site-{name}.example.net"
	}}
	children {{
		site-{name}-lan {{
			esp_proposals = aes256gcm16-ecp256,aes256-sha256-modp2048
			life_time = 3600s
			local_ts = 10.0.0.0/16
			remote_ts = 10.{net}.0/25
			mode = tunnel
			start_action = {action}
			dpd_action = {action}
			close_action = {action}
		}}
		site-{name}-voice {{
			esp_proposals = aes256gcm16-ecp256,aes256-sha256-modp2048
			life_time = 3600s
			local_ts = 10.1.0.0/16
			remote_ts = 10.{net}.128/25
			mode = tunnel
			start_action = {action}
			dpd_action = {action}
			close_action = {action}
		}}
	}}
}}
"""

SECRET = """\
ike-site-{name} {{
	id-local = "hub.example.net"
	id-remote = "site-{name}.example.net"
	secret = "secret of site {name}, which nobody else has"
}}
"""


class Site:
    def __init__(self, index, action, certificates):
        high, low = index >> 8, index & 255
        self.words = {
            "name": f"{index:05}",
            "local": "198.51.100.1",
            "remote": f"203.0.{high}.{low}",
            "net": f"{64 + high}.{low}",
            "dpd_delay": "30",
            "action": action,
            "auth": "pubkey" if certificates else "psk",
            "certificate": "\n\t\tcerts = hub.crt" if certificates else "",
        }

    def connection(self):
        return CONNECTION.format(**self.words)

    def secret(self):
        return SECRET.format(**self.words) if self.words["auth"] == "psk" else ""


def write(directory, sites, one_file_each):
    """swanctl.conf with these sites: all in one file, or with a file for each in conf.d"""
    folder = os.path.join(directory, "conf.d")
    os.makedirs(folder, exist_ok=True)
    for old in os.listdir(folder):
        os.unlink(os.path.join(folder, old))
    with open(os.path.join(directory, "swanctl.conf"), "w") as file:
        if one_file_each:
            file.write("include conf.d/*.conf\n")
        else:
            file.write("connections {\n" + "".join(site.connection() for site in sites) + "}\n")
            file.write("secrets {\n" + "".join(site.secret() for site in sites) + "}\n")
    for site in sites if one_file_each else ():
        with open(os.path.join(folder, f"site-{site.words['name']}.conf"), "w") as file:
            file.write("connections {\n" + site.connection() + "}\nsecrets {\n" + site.secret() + "}\n")
