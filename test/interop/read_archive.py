"""Reads an archive of Latecomer with nothing but Python: prints the index, then a line for each message."""
import gzip, hashlib, json, struct, sys, zlib

data = open(sys.argv[1], "rb").read()
footer = data[-66:]
assert footer[:16] == bytes.fromhex("1f8b08040000000000ff2c004c432800"), "no archive, or not finished"
start = struct.unpack(">Q", footer[16:24])[0]
assert hashlib.sha256(data[start:-66]).digest() == footer[24:56], "the index is damaged"
index = json.loads(gzip.decompress(data[start:-66]))
digest = hashlib.sha256()
print(json.dumps({**index, "chunks": len(index["chunks"])}))
for chunk in index["chunks"]:
    member = data[chunk["offset"]:chunk["offset"] + chunk["bytes"]]
    assert zlib.crc32(member) == chunk["crc32"], f"messages {chunk['firstSeq']} to {chunk['lastSeq']} are damaged"
    blocks, at = gzip.decompress(member), 0
    while at < len(blocks):
        length, = struct.unpack_from(">I", blocks, at)
        seq, = struct.unpack_from(">Q", blocks, at + 12)
        time_ms, = struct.unpack_from(">Q", blocks, at + 21)
        end = at + 4 + length
        digest.update(blocks[at + 39:end])
        at += 39
        while at < end:
            width = {0xC4: 1, 0xC5: 2, 0xC6: 4}[blocks[at]]
            size = int.from_bytes(blocks[at + 1:at + 1 + width], "big")
            at += 1 + width + size
            print(json.dumps({"seq": seq, "time": time_ms, "payload": blocks[at - size:at].hex()}))
            seq += 1
assert digest.hexdigest() == index["digest"], "the digest is another"
