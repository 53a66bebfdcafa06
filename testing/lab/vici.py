"""VICI, for scenes: a client as strongSwan's Python package gives it to VyOS and to the exporters

Sections are dicts in the order in which they were sent, lists are lists, values are bytes.
"""

import socket
import struct

CMD_REQUEST, CMD_RESPONSE, CMD_UNKNOWN, EVENT_REGISTER, EVENT_UNREGISTER, EVENT_CONFIRM, EVENT_UNKNOWN, EVENT = range(8)
SECTION_START, SECTION_END, KEY_VALUE, LIST_START, LIST_ITEM, LIST_END = range(1, 7)


class Unknown(Exception):
    """The daemon does not know a command or an event"""


class Refused(Exception):
    """The answer says success = no"""


def octets_of(value):
    return value if isinstance(value, bytes) else str(value).encode()


def named(kind, name):
    return bytes([kind, len(octets_of(name))]) + octets_of(name)


def valued(value):
    return struct.pack("!H", len(octets_of(value))) + octets_of(value)


def encode(message):
    data = b""
    for key, value in (message or {}).items():
        if isinstance(value, dict):
            data += named(SECTION_START, key) + encode(value) + bytes([SECTION_END])
        elif isinstance(value, (list, tuple)):
            items = b"".join(bytes([LIST_ITEM]) + valued(item) for item in value)
            data += named(LIST_START, key) + items + bytes([LIST_END])
        else:
            data += named(KEY_VALUE, key) + valued(value)
    return data


def decode(data):
    """Fails on whatever the protocol does not allow: a key twice, what is left open, what comes after the end"""
    sections, of_list, at = [{}], None, 0

    def take(size):
        nonlocal at
        length = int.from_bytes(data[at : at + size], "big")
        at += size + length
        assert at <= len(data), "the message ends too early"
        return data[at - length : at]

    def put(key, value):
        assert key not in sections[-1], f"{key} comes twice"
        sections[-1][key] = value
        return value

    while at < len(data):
        kind = data[at]
        at += 1
        assert (of_list is None) == (kind not in (LIST_ITEM, LIST_END)), "what is not an item in a list, or one outside"
        if kind == SECTION_START:
            sections.append(put(take(1).decode(), {}))
        elif kind == SECTION_END:
            assert len(sections) > 1, "the end of no section"
            sections.pop()
        elif kind == KEY_VALUE:
            key = take(1).decode()
            put(key, take(2))
        elif kind == LIST_START:
            of_list = put(take(1).decode(), [])
        elif kind == LIST_ITEM:
            of_list.append(take(2))
        elif kind == LIST_END:
            of_list = None
        else:
            raise AssertionError(f"an element of kind {kind}")
    assert len(sections) == 1 and of_list is None, "a section or a list is not ended"
    return sections[0]


class Session:
    """address: the path of a Unix socket, or tcp://host:port"""

    def __init__(self, address, timeout=20):
        if address.startswith("tcp://"):
            host, port = address[len("tcp://") :].rsplit(":", 1)
            self.socket = socket.create_connection((host, int(port)), timeout)
        else:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        self.events = []

    def send(self, packet):
        self.socket.sendall(struct.pack("!I", len(packet)) + packet)

    def octets(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError("the daemon closed the connection")
            data += more
        return data

    def receive(self):
        """(kind, name, message) of the next packet"""
        packet = self.octets(struct.unpack("!I", self.octets(4))[0])
        if packet[0] == EVENT:
            end = 2 + packet[1]
            return EVENT, packet[2:end].decode(), decode(packet[end:])
        return packet[0], None, decode(packet[1:])

    def answer(self):
        """The next packet that is no event; events wait in self.events"""
        while True:
            kind, name, message = self.receive()
            if kind != EVENT:
                return kind, message
            self.events.append((name, message))

    def register(self, event, on=True):
        self.send(named(EVENT_REGISTER if on else EVENT_UNREGISTER, event))
        kind, _ = self.answer()
        if kind != EVENT_CONFIRM:
            raise Unknown(event)

    def request(self, command, message=None):
        self.send(named(CMD_REQUEST, command) + encode(message))
        kind, answer = self.answer()
        if kind != CMD_RESPONSE:
            raise Unknown(command)
        if answer.get("success", b"yes") != b"yes":
            raise Refused(answer.get("errmsg", b"").decode())
        return answer

    def stream(self, command, event, message=None):
        """The events that come before the answer"""
        self.register(event)
        self.send(named(CMD_REQUEST, command) + encode(message))
        refused = None
        while True:
            kind, name, content = self.receive()
            if kind == EVENT and name == event:
                yield content
            elif kind == EVENT:
                self.events.append((name, content))
            elif kind == CMD_RESPONSE:
                if content.get("success", b"yes") != b"yes":
                    refused = Refused(content.get("errmsg", b"").decode())
                break
            else:
                refused = Unknown(command)
                break
        self.register(event, False)
        if refused:
            raise refused

    def listen(self):
        """(name, message) of events, for ever"""
        while True:
            while self.events:
                yield self.events.pop(0)
            kind, name, message = self.receive()
            assert kind == EVENT, "an answer to nothing"
            yield name, message


def lines(message, path=""):
    """A message as lines "path" (of a section), "path[]" (of a list) and "path = value", in their order"""
    for key, value in message.items():
        name = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield name
            yield from lines(value, name)
        elif isinstance(value, list):
            yield f"{name}[]"
            for item in value:
                yield f"{name}[] = {text(item)}"
        else:
            yield f"{name} = {text(value)}"


def text(value):
    try:
        decoded = value.decode()
    except UnicodeDecodeError:
        return f"({len(value)} octets)"
    return decoded if decoded.isprintable() else f"({len(value)} octets)"
