"""A small Latecomer client, written from protocol/README.md alone.

It needs nothing but Python 3 and its msgpack package (Debian: python3-msgpack). As a module:

    client = Client(port=7070, publisher="example")
    client.publish([b"hello", b"world"])
    client.flush()                                    # every publish is acknowledged
    subscription = client.subscribe(from_=1)
    for event in client.events():                     # Message, Lost, Live, Discarded, Ended
        ...

As a program it prints one JSON object per line: see `latecomer.py --help`.
"""

import argparse
import collections
import json
import select
import socket
import struct
import sys
import time
import zlib

import msgpack

VERSION = 1

LOGIN, SUBSCRIBE, UNSUBSCRIBE, PUBLISH, REREQUEST, HEARTBEAT, SESSIONS, ROLL = 1, 2, 3, 4, 5, 6, 7, 10
LOGGED_IN, SUBSCRIBED, MESSAGES, LIVE, LOST, RESET, END_OF_SESSION, UNSUBSCRIBED = 32, 33, 34, 35, 36, 37, 38, 39
ACKNOWLEDGED, REFUSED, RETRANSMISSION, RETRANSMITTED, SESSION_LIST, REJECTED, ERROR, ROLLED = 40, 41, 42, 43, 44, 46, 47, 49
SESSION_DISCARDED = 53

BLOCK_MESSAGES_MAX = 8192
BLOCK_PAYLOAD_BYTES_MAX = 262105
PAYLOAD_BYTES_MAX = 1048320

Message = collections.namedtuple("Message", "log seq time_ms payload")
Lost = collections.namedtuple("Lost", "log from_ to reason")
Live = collections.namedtuple("Live", "log seq")
Discarded = collections.namedtuple("Discarded", "log session reason")
Ended = collections.namedtuple("Ended", "log session last_seq reason discarded next")
Followed = collections.namedtuple("Followed", "log session first")
Stopped = collections.namedtuple("Stopped", "log code message remedy")
Receipt = collections.namedtuple("Receipt", "number session epoch first_seq count durability")


class LatecomerError(Exception):
    """The server said no: `code` and `remedy` as in section 9 of the specification."""

    def __init__(self, fields):
        super().__init__("%s: %s" % (fields["code"], fields["message"]))
        self.code = fields["code"]
        self.remedy = fields["remedy"]


class ResetError(Exception):
    """The log has another epoch than the one asked for; `fields` says what it has now."""

    def __init__(self, fields):
        super().__init__("session %s has epoch %s now" % (fields["session"], fields["epoch"]))
        self.fields = fields


class Violation(Exception):
    """The server broke the protocol: a gap, a duplicate, a wrong crc, a frame out of place."""


class Subscription:
    """A position: the number it wants next."""

    def __init__(self, fields):
        self.log = fields["log"]
        self.request = fields["request"]
        self.source = fields["source"]
        self.session = fields["session"]
        self.epoch = fields["epoch"]
        self.state = fields["state"]
        self.first = self.next = fields["from"]
        self.last_seq = fields["lastSeq"]


class Client:
    """One connection. It does its work, heartbeats included, inside the calls that wait."""

    def __init__(self, port, host="127.0.0.1", client="latecomer.py", source=None, publisher=None, durability=None):
        self.socket = socket.create_connection((host, port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.frame_bytes_max = 8192
        self.heartbeat_s = 1.0
        self.silence_s = 15.0
        self.buffer = bytearray()
        self.said = self.heard = time.monotonic()
        self.request = 0
        self.answers = {}
        self.queue = collections.deque()
        self.subscriptions = {}
        self.followers = set()  # requests that go on with the session behind when one ends
        self.between = set()  # those of them that wait for it
        self.ranges = {}
        self.receipts = []
        self.unacknowledged = collections.OrderedDict()
        self.unacknowledged_bytes = 0
        self.go_back_at = None
        self.logged_in = None
        self.send_message(LOGIN, versions=[VERSION], client=client, source=source, publisher=publisher, durability=durability)
        self.wait_for(lambda: self.logged_in is not None)
        self.next_number = self.logged_in["published"] + 1

    # --- requests

    def subscribe(self, session=None, from_=None, epoch=None, wait=None, source=None, follow=None):
        """Subscribe; messages come from events(). Raises LatecomerError or ResetError."""
        fields = self.call(SUBSCRIBE, **{"session": session, "from": from_, "epoch": epoch, "wait": wait, "source": source, "follow": follow})
        return fields["subscription"]  # It may have ended by now: its end can come with the answer.

    def unsubscribe(self, log):
        """End a subscription; returns when nothing more of it will come."""
        self.send_message(UNSUBSCRIBE, log=log)
        self.wait_for(lambda: log not in self.subscriptions)

    def roll(self, reason, session=None, discard=None, source=None):
        """End a session and start the one behind it; returns the lines of both in the catalogue."""
        return self.call(ROLL, reason=reason, session=session, discard=discard, source=source)

    def rerequest(self, from_, to, session=None):
        """The messages of a range that are still there, and the Lost ranges in their places."""
        request = self.request + 1
        self.ranges[request] = [from_, []]
        try:
            fields = self.call(REREQUEST, **{"from": from_, "to": to, "session": session})
            next_number, found = self.ranges[request]
        finally:
            del self.ranges[request]
        sent = sum(isinstance(item, Message) for item in found)
        if next_number != to + 1 or fields["messages"] != sent:
            raise Violation("rerequest [%d..%d] ended at %d with %d of %d messages" % (from_, to, next_number, sent, fields["messages"]))
        return found

    def sessions(self, source=None):
        """The catalogue, newest last."""
        return self.call(SESSIONS, source=source)["sessions"]

    def call(self, frame_type, **fields):
        self.request += 1
        request = self.request
        if fields.get("follow"):
            self.followers.add(request)
        self.send_message(frame_type, request=request, **fields)
        self.wait_for(lambda: request in self.answers)
        answer_type, answer = self.answers.pop(request)
        if answer_type == REJECTED:
            raise LatecomerError(answer)
        if answer_type == RESET:
            raise ResetError(answer)
        return answer

    def events(self):
        """Message, Lost, Live, Discarded, Ended, Followed, Stopped of all subscriptions, for as long as there is one."""
        while True:
            while self.queue:
                yield self.queue.popleft()
            if not self.subscriptions and not self.between:
                return
            self.pump()

    # --- publishing

    def publish(self, payloads, session=""):
        """Send payloads as one atomic publish; returns its number. Waits for room in the window."""
        encoded = b"".join(msgpack.packb(bytes(payload), use_bin_type=True) for payload in payloads)
        count = len(payloads)
        if not 1 <= count <= BLOCK_MESSAGES_MAX or (count > 1 and len(encoded) > BLOCK_PAYLOAD_BYTES_MAX):
            raise ValueError("a publish holds 1..%d payloads and fits one block" % BLOCK_MESSAGES_MAX)
        if count == 1 and len(payloads[0]) > PAYLOAD_BYTES_MAX:
            raise ValueError("payload of %d bytes exceeds %d" % (len(payloads[0]), PAYLOAD_BYTES_MAX))
        self.wait_for(lambda: self.has_room(len(encoded)))
        number = self.next_number
        self.next_number += 1
        body = msgpack.packb(PUBLISH) + msgpack.packb(number) + msgpack.packb(session)
        body = b"\x94" + body + b"\xdd" + struct.pack(">I", count) + encoded
        self.unacknowledged[number] = (body, len(encoded), count)
        self.unacknowledged_bytes += len(encoded)
        if self.go_back_at is None:
            self.send_body(body)
        return number

    def has_room(self, more):
        if not self.unacknowledged:
            return True
        in_flight = len(self.unacknowledged) < self.logged_in["publishesInFlightMax"]
        return in_flight and self.unacknowledged_bytes + more <= self.logged_in["publishWindowBytes"]

    def flush(self):
        """Wait until every publish is acknowledged; returns the receipts since the last call."""
        self.wait_for(lambda: not self.unacknowledged)
        receipts, self.receipts = self.receipts, []
        return receipts

    def acknowledged(self, fields):
        for first_number, publishes, first_seq, messages_each in fields["runs"]:
            for index in range(publishes):
                number = first_number + index
                if number not in self.unacknowledged:
                    continue
                if self.unacknowledged[number][2] != messages_each:
                    raise Violation("publish %d has %d messages, acknowledged %d" % (number, self.unacknowledged[number][2], messages_each))
                first = first_seq + index * messages_each
                self.receipts.append(Receipt(number, fields["session"], fields["epoch"], first, messages_each, fields["durability"]))
        for number in [number for number in self.unacknowledged if number <= fields["number"]]:
            self.unacknowledged_bytes -= self.unacknowledged.pop(number)[1]

    def was_refused(self, fields):
        if self.go_back_at is not None or fields["number"] not in self.unacknowledged:
            return
        if fields["remedy"] != "retry":
            raise LatecomerError(fields)
        self.go_back_at = (time.monotonic() + 0.1, fields["number"])

    def go_back(self):
        if self.go_back_at is None or time.monotonic() < self.go_back_at[0]:
            return
        first = self.go_back_at[1]
        self.go_back_at = None
        for number, (body, _, _) in list(self.unacknowledged.items()):
            if number >= first:
                self.send_body(body)

    # --- frames

    def send_message(self, frame_type, **fields):
        present = {name: value for name, value in fields.items() if value is not None}
        self.send_body(msgpack.packb([frame_type, present], use_bin_type=True))

    def send_body(self, body):
        """Write a frame. While the server does not take it, what it sends is still read."""
        rest = memoryview(struct.pack(">I", len(body)) + body)
        self.said = time.monotonic()
        while rest:
            readable, writable, _ = select.select([self.socket], [self.socket], [], self.silence_s)
            if writable:
                rest = rest[self.socket.send(rest):]
            elif readable:
                self.read()
            else:
                raise ConnectionError("the server took nothing for %d s" % self.silence_s)

    def wait_for(self, condition):
        while not condition():
            self.pump()

    def pump(self):
        """Wait a moment for bytes, handle the frames that are complete, say that we are alive."""
        readable, _, _ = select.select([self.socket], [], [], 0.05 if self.go_back_at else self.heartbeat_s / 4)
        if readable:
            self.read()
        self.take_frames()
        now = time.monotonic()
        if self.logged_in and now - self.said >= self.heartbeat_s:
            self.send_message(HEARTBEAT)
        if now - self.heard > self.silence_s:
            raise ConnectionError("nothing heard for %d s" % self.silence_s)
        self.go_back()

    def read(self):
        chunk = self.socket.recv(1 << 18)
        if not chunk:
            self.take_frames()
            raise ConnectionError("the server closed the connection without a word")
        self.heard = time.monotonic()
        self.buffer += chunk

    def take_frames(self):
        offset = 0
        while len(self.buffer) - offset >= 4:
            (length,) = struct.unpack_from(">I", self.buffer, offset)
            if not 1 <= length <= self.frame_bytes_max:
                raise Violation("frame of %d bytes" % length)
            if len(self.buffer) - offset < 4 + length:
                break
            frame = bytes(self.buffer[offset : offset + 4 + length])
            offset += 4 + length
            self.handle(frame)
        del self.buffer[:offset]

    def handle(self, frame):
        frame_type = frame[5]
        if frame_type in (MESSAGES, RETRANSMISSION):
            return self.block(frame_type, frame)
        _, fields = msgpack.unpackb(frame[4:], raw=False)
        if frame_type == ERROR:
            raise LatecomerError(fields)
        if frame_type == LOGGED_IN:
            self.frame_bytes_max = fields["frameBytesMax"]
            self.heartbeat_s = fields["heartbeatMs"] / 1000
            self.silence_s = fields["silenceMs"] / 1000
            self.logged_in = fields
        elif frame_type == SUBSCRIBED:
            fields["subscription"] = self.subscriptions[fields["log"]] = Subscription(fields)
            if fields["request"] in self.between:
                if fields["from"] != 1:
                    raise Violation("the session behind starts at %d" % fields["from"])
                self.between.remove(fields["request"])
                self.queue.append(Followed(fields["log"], fields["session"], fields["from"]))
            else:
                self.answers[fields["request"]] = (frame_type, fields)
        elif frame_type == REJECTED and fields["request"] in self.between:
            raise LatecomerError(fields)
        elif frame_type in (RESET, REJECTED, RETRANSMITTED, SESSION_LIST, ROLLED):
            self.answers[fields["request"]] = (frame_type, fields)
        elif frame_type == LIVE:
            subscription = self.subscription(fields["log"])
            if fields["seq"] != subscription.next - 1:
                raise Violation("live at %d, %d is next" % (fields["seq"], subscription.next))
            self.queue.append(Live(fields["log"], fields["seq"]))
        elif frame_type == LOST:
            self.lost(fields)
        elif frame_type == SESSION_DISCARDED:
            self.subscription(fields["log"])
            self.queue.append(Discarded(fields["log"], fields["session"], fields["reason"]))
        elif frame_type == END_OF_SESSION:
            subscription = self.subscription(fields["log"])
            if fields["lastSeq"] != subscription.next - 1:
                raise Violation("session ends at %d, %d is next" % (fields["lastSeq"], subscription.next))
            del self.subscriptions[fields["log"]]
            if subscription.request in self.followers and fields.get("next"):
                self.between.add(subscription.request)
            self.queue.append(Ended(fields["log"], fields["session"], fields["lastSeq"], fields["reason"], fields.get("discarded", False), fields.get("next")))
        elif frame_type == UNSUBSCRIBED:
            self.subscriptions.pop(fields["log"], None)
            if fields.get("code"):
                self.queue.append(Stopped(fields["log"], fields["code"], fields["message"], fields["remedy"]))
        elif frame_type == ACKNOWLEDGED:
            self.acknowledged(fields)
        elif frame_type == REFUSED:
            self.was_refused(fields)
        elif frame_type != HEARTBEAT:
            raise Violation("frame of unknown type %d" % frame_type)

    def block(self, frame_type, frame):
        """Check a block: crc over bytes 11..28 and 34..end, and that it starts with the number that is due."""
        (crc,) = struct.unpack_from(">I", frame, 30)
        if zlib.crc32(frame[34:], zlib.crc32(frame[11:29])) != crc:
            raise Violation("block with a wrong crc")
        _, number, first_seq, time_ms, _, payloads = msgpack.unpackb(frame[4:], raw=False)
        if frame_type == MESSAGES:
            subscription = self.subscription(number)
            if first_seq != subscription.next:
                raise Violation("log %d goes on at %d, %d is due" % (number, first_seq, subscription.next))
            subscription.next = first_seq + len(payloads)
            found = self.queue
        else:
            asked = self.range_of(number)
            if first_seq != asked[0]:
                raise Violation("request %d goes on at %d, %d is due" % (number, first_seq, asked[0]))
            asked[0] = first_seq + len(payloads)
            found = asked[1]
        found.extend(Message(number, first_seq + index, time_ms, payload) for index, payload in enumerate(payloads))

    def lost(self, fields):
        lost = Lost(fields.get("log"), fields["from"], fields["to"], fields["reason"])
        if fields.get("request") is not None:
            asked = self.range_of(fields["request"])
            due, asked[0] = asked[0], lost.to + 1
            asked[1].append(lost)
        else:
            subscription = self.subscription(lost.log)
            due, subscription.next = subscription.next, lost.to + 1
            self.queue.append(lost)
        if lost.from_ != due or lost.to < lost.from_:
            raise Violation("lost [%d..%d], %d is due" % (lost.from_, lost.to, due))

    def subscription(self, log):
        if log not in self.subscriptions:
            raise Violation("frame for log %d, which is not subscribed" % log)
        return self.subscriptions[log]

    def range_of(self, request):
        if request not in self.ranges:
            raise Violation("retransmission for request %d, which is not open" % request)
        return self.ranges[request]

    def close(self):
        self.socket.close()


# --- command line


def show(**fields):
    print(json.dumps(fields), flush=True)


def show_event(event):
    fields = {name.rstrip("_"): value for name, value in event._asdict().items()}
    if isinstance(event, Message):
        fields["payload"] = event.payload.decode("utf-8", "replace")
    show(event=type(event).__name__.lower(), **fields)


def login(client, _):
    show(event="logged_in", **client.logged_in)


def sessions(client, _):
    for session in client.sessions():
        show(event="session", **session)


def roll(client, options):
    rolled = client.roll(options.reason, session=options.session, discard=options.discard or None)
    show(event="rolled", ended=rolled["ended"], opened=rolled["opened"])


def tail(client, options):
    subscription = client.subscribe(session=options.session, from_=options.from_, epoch=options.epoch, wait=options.wait or None, follow=options.follow or None)
    show(event="subscribed", session=subscription.session, epoch=subscription.epoch, first=subscription.first, last_seq=subscription.last_seq, state=subscription.state)
    left = options.count
    for event in client.events():
        show_event(event)
        left -= isinstance(event, Message)
        if left == 0 and options.count:
            client.unsubscribe(event.log)
            return


def publish(client, options):
    """Each line of stdin is a publish; several messages of one publish are separated by tabs."""
    client.next_number = options.number or client.next_number
    for line in sys.stdin:
        client.publish([text.encode() for text in line.rstrip("\n").split("\t")], session=options.session or "")
    for receipt in client.flush():
        show_event(receipt)


def rerequest(client, options):
    for item in client.rerequest(options.from_, options.to, session=options.session):
        show_event(item)


def main():
    parser = argparse.ArgumentParser(description="A small Latecomer client; it prints one JSON object per line.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--source")
    parser.add_argument("--publisher")
    parser.add_argument("--durability")
    parser.add_argument("--session")
    parser.add_argument("--from", dest="from_", type=int)
    parser.add_argument("--to", type=int)
    parser.add_argument("--epoch")
    parser.add_argument("--number", type=int, help="publish: number of the first one, to send some again")
    parser.add_argument("--wait", action="store_true")
    parser.add_argument("--follow", action="store_true", help="tail: go on with the session behind")
    parser.add_argument("--reason", help="roll: why")
    parser.add_argument("--discard", action="store_true", help="roll: the session is not to be used")
    parser.add_argument("--count", type=int, default=0, help="tail: stop after this many messages")
    commands = {"login": login, "sessions": sessions, "tail": tail, "publish": publish, "rerequest": rerequest, "roll": roll}
    parser.add_argument("command", choices=sorted(commands))
    options = parser.parse_args()
    try:
        client = Client(options.port, host=options.host, source=options.source, publisher=options.publisher, durability=options.durability)
        commands[options.command](client, options)
        client.close()
    except LatecomerError as error:
        show(event="error", code=error.code, remedy=error.remedy, message=str(error))
        return 1
    except ResetError as error:
        show(event="reset", **error.fields)
        return 1
    except Violation as error:
        show(event="violation", message=str(error))
        return 2
    except ConnectionError as error:
        show(event="disconnected", message=str(error))
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
