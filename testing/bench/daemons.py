"""charon-lite and strongSwan's charon for benches: started in network namespaces of their own, driven and measured"""

import os
import socket
import struct
import subprocess
import sys
import threading
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
PEER = "strongswan-6.0.1"
# As in the lab: what a gateway needs, without plugins that take seconds to start.
PLUGINS = (
    "random nonce openssl aes sha1 sha2 md5 hmac kdf gcm ccm ctr chapoly cmac xcbc gmp curve25519 pem pkcs1 pkcs8 x509"
    " pubkey constraints revocation kernel-netlink socket-default vici updown counters"
)
HEAD = "".join(f"{word:>9}" for word in ("wall", "client", "daemon", "silent"))
LINEAR_WITHIN = 1.3  # times the factor between the counts: caches get larger, too


def run(*command, **options):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)


def build():
    """Makes build-bench, and returns it"""
    directory = os.path.join(TOP, "build-bench")
    options = ["--buildtype=release", "-Doptimization=2"]
    subprocess.run([f"{TOP}/testing/build", "build-bench", *options], check=True, stdout=sys.stderr)
    return directory


def peer_tree():
    tree = subprocess.run([f"{TOP}/testing/lab/peers", PEER], check=True, stdout=subprocess.PIPE, text=True)
    return tree.stdout.strip()


# ---- A daemon and its command line ----


def processes(pid):
    """The process and what it started: charon-lite's private keys have one of their own"""
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return [pid] + [int(child) for child in children.read().split()]


def cpu_of(pid):
    """Seconds that all threads of a process have run"""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
            total += int(stat.read().split()[0])
    return total / 1e9


class Daemon:
    """One that runs in a network namespace of its own; the files it reads are in `directory`"""

    def __init__(self, directory):
        self.directory = directory
        self.log = open(os.path.join(directory, "output"), "w+b")

    def start(self, script='ip link set lo up; ip address add 198.51.100.1/24 dev lo; ip route add default dev lo; '):
        """`script` runs in the namespace before the daemon"""
        self.process = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", script + 'exec "$@"', "sh"] + self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        end = time.monotonic() + 20
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                self.log.seek(0)
                sys.exit(f"{self.name} does not start: {self.log.read().decode(errors='replace')[-500:]}")
            time.sleep(0.05)

    def answers(self):
        try:
            return bool(Vici(self.socket).request("version"))
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.unmount()

    def unmount(self):
        """What was mounted for it"""

    def cpu(self):
        """Seconds that all its threads have run"""
        return sum(cpu_of(pid) for pid in processes(self.process.pid))

    def memory(self):
        """KiB that are its own: shared pages count by their share (PSS)"""
        total = 0
        for pid in processes(self.process.pid):
            with open(f"/proc/{pid}/smaps_rollup") as rollup:
                total += sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        return total


class CharonLite(Daemon):
    name = "charon-lite"

    def __init__(self, directory, build, *options):
        super().__init__(directory)
        self.configuration = directory
        self.socket = os.path.join(directory, "vici")
        self.build = build
        settings = os.path.join(directory, "strongswan.conf")
        with open(settings, "w") as file:
            file.write(
                f"charon {{ plugins {{ vici {{ socket = unix://{self.socket} }} }}\n"
                f"filelog {{ log {{ path = {directory}/log\n default = 1 }} }} }}\n"
            )
        self.environment = dict(os.environ, STRONGSWAN_CONF=settings, SWANCTL_DIR=directory)
        self.command = [f"{build}/charon-lite/charon-lite", *options]

    def command_line(self, *arguments):
        return [f"{self.build}/swanctl-lite/swanctl-lite", *arguments, "--uri", f"unix://{self.socket}"]


class StrongSwan(Daemon):
    name = PEER

    def __init__(self, directory, tree):
        super().__init__(directory)
        self.root = os.path.join(directory, "root")
        for part in ("over", "work", "root"):
            os.mkdir(os.path.join(directory, part))
        layers = f"lowerdir={tree},upperdir={directory}/over,workdir={directory}/work"
        run("mount", "-t", "overlay", "strongswan", "-o", layers, self.root)
        run("mount", "-t", "proc", "proc", f"{self.root}/proc")
        run("mount", "--bind", "/dev", f"{self.root}/dev")
        run("mount", "-t", "tmpfs", "run", f"{self.root}/run")
        self.configuration = f"{self.root}/etc/swanctl"
        self.socket = f"{self.root}/run/charon.vici"
        with open(f"{self.root}/etc/strongswan.conf", "w") as file:
            file.write(
                f"charon {{ load = {PLUGINS}\n filelog {{ log {{ path = /var/log/charon.log\n default = 1 }} }} }}\n"
                "swanctl { load = pem pkcs1 pkcs8 x509 pubkey openssl random nonce }\n"
            )
        self.environment = None
        self.command = ["chroot", self.root, "/usr/sbin/charon-systemd"]

    def unmount(self):
        run("umount", "--recursive", self.root)

    def command_line(self, *arguments):
        return ["chroot", self.root, "/usr/sbin/swanctl", *arguments]


# ---- Another client ----


class Vici:
    """As much as it takes to ask a question, and nothing of events"""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(120)
        self.socket.connect(path)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    def octets(self, count):
        parts = []
        while count:
            part = self.socket.recv(min(count, 1 << 20))
            if not part:
                raise ConnectionError("the daemon closed the connection")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def request(self, command, **values):
        packet = bytes([0, len(command)]) + command.encode()
        for key, value in values.items():
            packet += bytes([3, len(key)]) + key.encode() + struct.pack("!H", len(value)) + value.encode()
        self.socket.sendall(struct.pack("!I", len(packet)) + packet)
        return self.octets(struct.unpack("!I", self.octets(4))[0])


class Bystander(threading.Thread):
    """A client that asks for the version all the time"""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.vici = Vici(path)
        self.done = threading.Event()
        self.longest = 0

    def run(self):
        while not self.done.wait(0.002):
            begin = time.monotonic()
            self.vici.request("version")
            self.longest = max(self.longest, time.monotonic() - begin)

    def end(self):
        self.done.set()
        self.join()
        return self.longest


# ---- Steps ----


class Step:
    """What a step took, in seconds"""

    def __init__(self, wall, client, daemon, silent):
        self.wall, self.client, self.daemon, self.silent = wall, client, daemon, silent

    def figures(self):
        return self.wall, self.client, self.daemon, self.silent

    def cpu(self):
        return self.client + self.daemon


def measure(daemon, action):
    """action() returns the CPU time of the command line"""
    bystander = Bystander(daemon.socket)
    bystander.start()
    before = daemon.cpu()
    begin = time.monotonic()
    client = action()
    wall = time.monotonic() - begin
    longest = bystander.end()
    return Step(wall, client, daemon.cpu() - before, longest)


def least(steps):
    """Of each figure over the rounds: whatever else runs on this machine only adds to it"""
    return Step(*(min(values) for values in zip(*(step.figures() for step in steps))))


def figures(step):
    return "".join(f"{seconds * 1e3:9.1f}" for seconds in step.figures())


def swanctl(daemon, *arguments):
    command = daemon.command_line(*arguments)
    with open(os.path.join(daemon.directory, "console"), "wb+") as console:
        process = subprocess.Popen(
            command, env=daemon.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=console
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            console.seek(0)
            said = console.read().decode(errors="replace")[-500:]
            sys.exit(f"{daemon.name}: {' '.join(arguments)}: exit code {process.returncode}: {said}")
    return usage.ru_utime + usage.ru_stime
