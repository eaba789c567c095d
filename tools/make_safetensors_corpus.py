#!/usr/bin/env python3
"""Crafted safetensors files with the verdict of the reference implementation.

Writes tests/io/safetensors_corpus.json, which the C++ tests replay. Needs PyPI safetensors 0.8.0.
Each case: name, the file's bytes in hex, what the reference does, and whether our strict and relaxed modes differ.
"""
import argparse
import json
import os
import random
import struct
import tempfile

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "io", "safetensors_corpus.json")


def pack(header, data=b"", length=None):
    header = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def tensor(name="a", dtype='"F32"', shape="[1]", offsets="[0,4]", more=""):
    return '"%s":{"dtype":%s,"shape":%s,"data_offsets":%s%s}' % (name, dtype, shape, offsets, more)


def one(data=b"\0\0\0\0", **fields):
    return pack("{" + tensor(**fields) + "}", data)


def cases():
    """(name, bytes, rule): rule is '', or our own rule that rejects what the reference accepts."""
    ok = "{" + tensor() + "}"
    d4 = b"\0\0\0\0"
    two = lambda first, second, data: pack("{" + first + "," + second + "}", data)
    yield "plain", pack(ok, d4), ""
    # length and extent
    yield "no bytes", b"", ""
    yield "7 bytes", b"\2\0\0\0\0\0\0", ""
    yield "length 0", pack("", b""), ""
    yield "length 0, 1 byte more", pack("", b"{"), ""
    yield "length 100000001", pack(ok, d4, 100_000_001), ""
    yield "length 2^63", pack(ok, d4, 1 << 63), ""
    yield "length 2^64-1", pack(ok, d4, (1 << 64) - 1), ""
    yield "length 2^64-8", pack(ok, d4, (1 << 64) - 8), ""
    yield "length past the end", pack(ok, d4, len(ok) + 5), ""
    yield "length 1 short", pack(ok, d4, len(ok) - 1), ""
    yield "extra tail byte", pack(ok, d4 + b"\0"), ""
    yield "truncated data", pack(ok, d4[:3]), ""
    yield "no data", pack(ok), ""
    # text around the object
    yield "leading space", pack(" " + ok, d4), "first byte"
    yield "leading newline", pack("\n" + ok, d4), "first byte"
    yield "leading BOM", pack("\ufeff" + ok, d4), ""
    yield "trailing spaces", pack(ok + "   ", d4), ""
    yield "trailing newline", pack(ok + "\n\r\t", d4), ""
    yield "trailing NUL", pack(ok + "\0", d4), ""
    yield "trailing junk", pack(ok + "x", d4), ""
    yield "two objects", pack(ok + "{}", d4), ""
    yield "spaces everywhere", pack('{ "a" :\t{ "dtype" : "F32" , "shape" : [ 1 ] ,\n"data_offsets" : [ 0 , 4 ] } }', d4), ""
    yield "form feed between", pack('{\f"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', d4), ""
    yield "empty object", pack("{}"), ""
    yield "empty object, 1 byte of data", pack("{}", b"\0"), ""
    yield "array root", pack("[]"), ""
    yield "null root", pack("null"), ""
    yield "string root", pack('"a"'), ""
    yield "bad UTF-8", pack(b'{"\xff":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', d4), ""
    yield "overlong UTF-8", pack(b'{"\xc0\x80":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', d4), ""
    yield "UTF-8 surrogate", pack(b'{"\xed\xa0\x80":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', d4), ""
    yield "UTF-8 above 10FFFF", pack(b'{"\xf4\x90\x80\x80":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', d4), ""
    # JSON
    yield "not JSON", pack("{a}", d4), ""
    yield "cut JSON", pack(ok[:-1], d4), ""
    yield "comma at the end", pack(ok[:-1] + ",}", d4), ""
    yield "comma at the start", pack("{," + ok[1:], d4), ""
    yield "no comma", pack("{" + tensor() + tensor("b", offsets="[4,8]") + "}", d4 * 2), ""
    yield "no colon", pack('{"a"{}}', d4), ""
    yield "single quotes", pack(ok.replace('"', "'"), d4), ""
    yield "comment", pack("{/**/" + ok[1:], d4), ""
    yield "control character in a string", pack('{"a\nb":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', d4), ""
    yield "escaped name", one(name="\\u0061\\/\\\\"), ""
    yield "bad escape", one(name="\\x"), ""
    yield "bad hex escape", one(name="\\u00g0"), ""
    yield "signed hex escape", one(name="\\u-001"), ""
    yield "short hex escape", one(name="\\u00"), ""
    yield "surrogate pair", one(name="\\ud83d\\ude00"), ""
    yield "lone high surrogate", one(name="\\ud83d"), ""
    yield "high surrogate, then a letter", one(name="\\ud83da"), ""
    yield "high surrogate twice", one(name="\\ud83d\\ud83d"), ""
    yield "lone low surrogate", one(name="\\ude00"), ""
    yield "depth 127", one(more=',"x":' + "[" * 125 + "]" * 125), ""
    yield "depth 128", one(more=',"x":' + "[" * 126 + "]" * 126), ""
    yield "depth 127 of objects", one(more=',"x":' + '{"y":' * 125 + "1" + "}" * 125), ""
    yield "depth 128 of objects", one(more=',"x":' + '{"y":' * 126 + "1" + "}" * 126), ""
    yield "10,000 open brackets", one(more=',"x":' + "[" * 10000), ""
    # names
    yield "empty name", one(name=""), ""
    yield "NUL in a name", one(name="\\u0000"), "control"
    yield "DEL in a name", one(name="\x7f"), "control"
    yield "C1 control in a name", one(name="\u009b"), "control"
    yield "escape sequence in a name", one(name="\\u001b[31m"), "control"
    yield "letters beyond ASCII in a name", one(name="\u00e9\u65e5\U0001f600"), ""
    yield "name with path", one(name="../../etc/passwd"), ""
    # duplicates
    yield "tensor twice, same", two(tensor(), tensor(), d4), "duplicate"
    yield "tensor twice, same after escapes", two(tensor(), tensor("\\u0061"), d4), "duplicate"
    yield "tensor twice, other offsets", two(tensor(), tensor(offsets="[4,8]"), d4 * 2), ""
    yield "tensor twice, last one fits", two(tensor(offsets="[4,8]"), tensor(), d4), "duplicate"
    yield "dtype twice", one(more=',"dtype":"F32"'), ""
    yield "shape twice", one(more=',"shape":[1]'), ""
    yield "data_offsets twice", one(more=',"data_offsets":[0,4]'), ""
    yield "unknown field twice", one(more=',"x":1,"x":2'), "duplicate"
    # fields
    yield "unknown field", one(more=',"x":{"y":[1,2.5,-3e-7,true,false,null,"z"]}'), ""
    yield "unknown field 1e400", one(more=',"x":1e400'), ""
    yield "unknown field -1e400", one(more=',"x":-1e400'), ""
    yield "unknown field 1e-400", one(more=',"x":1e-400'), ""
    yield "unknown field 0e400", one(more=',"x":0e99999999999'), ""
    yield "unknown field 1e308", one(more=',"x":1.7e308'), ""
    yield "unknown field 0.001e311", one(more=',"x":0.001e311'), ""
    yield "unknown field of 400 digits", one(more=',"x":' + "9" * 400), ""
    yield "unknown field of 300 digits", one(more=',"x":' + "9" * 300), ""
    yield "unknown field 01", one(more=',"x":01'), ""
    yield "unknown field 1.", one(more=',"x":1.'), ""
    yield "unknown field .5", one(more=',"x":.5'), ""
    yield "unknown field +1", one(more=',"x":+1'), ""
    yield "unknown field -", one(more=',"x":-'), ""
    yield "unknown field 1e", one(more=',"x":1e'), ""
    yield "unknown field NaN", one(more=',"x":NaN'), ""
    yield "unknown field tru", one(more=',"x":tru'), ""
    yield "missing dtype", pack('{"a":{"shape":[1],"data_offsets":[0,4]}}', d4), ""
    yield "missing shape", pack('{"a":{"dtype":"F32","data_offsets":[0,4]}}', d4), ""
    yield "missing data_offsets", pack('{"a":{"dtype":"F32","shape":[1]}}', d4), ""
    yield "tensor null", pack('{"a":null}'), ""
    yield "tensor a number", pack('{"a":1}'), ""
    yield "tensor as a list", pack('{"a":["F32",[1],[0,4]]}', d4), ""
    yield "tensor as a list of 2", pack('{"a":["F32",[1]]}', d4), ""
    yield "tensor as a list of 4", pack('{"a":["F32",[1],[0,4],1]}', d4), ""
    yield "fields in another order", pack('{"a":{"data_offsets":[0,4],"shape":[1],"dtype":"F32"}}', d4), ""
    # dtype
    for name in "BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ".split():
        yield "dtype " + name, one(b"\2" * 4, dtype='"%s"' % name, shape="[4]"), ""
    for name in "I16 U16 F16 BF16".split():
        yield "dtype " + name, one(b"\0" * 4, dtype='"%s"' % name, shape="[2]"), ""
    for name in "I32 U32".split():
        yield "dtype " + name, one(b"\0" * 4, dtype='"%s"' % name), ""
    for name in "C64 F64 I64 U64".split():
        yield "dtype " + name, one(b"\0" * 8, dtype='"%s"' % name, offsets="[0,8]"), ""
    yield "dtype F4, even", one(dtype='"F4"', shape="[8]"), ""
    yield "dtype F4, odd", one(dtype='"F4"', shape="[7]"), ""
    yield "dtype F6_E2M3, whole", one(b"\0" * 3, dtype='"F6_E2M3"', shape="[4]", offsets="[0,3]"), ""
    yield "dtype F6_E3M2, not whole", one(dtype='"F6_E3M2"', shape="[5]"), ""
    for name in ("F33", "f32", "F32 ", "", "F8_E4M3FN", "C128", "I4"):
        yield "dtype '%s'" % name, one(dtype='"%s"' % name), ""
    yield "dtype null", one(dtype="null"), ""
    yield "dtype a number", one(dtype="13"), ""
    yield "dtype a list", one(dtype='["F32"]'), ""
    yield "dtype an object", one(dtype='{"F32":null}'), ""
    yield "dtype an object with a value", one(dtype='{"F32":{}}'), ""
    yield "dtype an empty object", one(dtype="{}"), ""
    yield "dtype an object of two", one(dtype='{"F32":null,"F16":null}'), ""
    yield "NaN", one(b"\xff\xff\xff\xff"), ""
    # shape
    yield "shape [] of a scalar", one(shape="[]"), ""
    yield "shape [0]", pack("{" + tensor(shape="[0]", offsets="[0,0]") + "}"), ""
    yield "two empty tensors", two(tensor(shape="[0]", offsets="[0,0]"), tensor("b", shape="[0]", offsets="[0,0]"), b""), ""
    yield "empty tensor between", pack("{" + tensor() + "," + tensor("b", shape="[0]", offsets="[4,4]") + "," +
                                       tensor("c", offsets="[4,8]") + "}", d4 * 2), ""
    for bad in ("1.0", "-1", '"1"', "1e0", "18446744073709551616", "-0", "null", "true", "[1]"):
        yield "shape [%s]" % bad, one(shape="[%s]" % bad), ""
    yield "shape null", one(shape="null"), ""
    yield "shape a number", one(shape="1"), ""
    yield "shape an object", one(shape="{}"), ""
    yield "2^32 x 2^32", one(shape="[4294967296,4294967296]"), ""
    yield "2^40 x 2^40 x 0", one(b"", shape="[1099511627776,1099511627776,0]", offsets="[0,0]"), ""
    yield "0 x 2^40 x 2^40", one(b"", shape="[0,1099511627776,1099511627776]", offsets="[0,0]"), ""
    yield "0 x (2^64-1)", one(b"", shape="[0,18446744073709551615]", offsets="[0,0]"), ""
    yield "(2^64-1) x 0", one(b"", shape="[18446744073709551615,0]", offsets="[0,0]"), ""
    yield "(2^64-1) x 2 x 0", one(b"", shape="[18446744073709551615,2,0]", offsets="[0,0]"), ""
    yield "(2^63+1) x 1 x 0", one(b"", shape="[9223372036854775809,1,0]", offsets="[0,0]"), ""
    yield "2^60 of F32", one(shape="[1152921504606846976]"), ""
    yield "2^62 of F32, wrapped size", one(b"", shape="[4611686018427387904]", offsets="[0,0]"), ""
    yield "10,000 dimensions of 1", one(shape="[" + ",".join(["1"] * 10000) + "]"), ""
    # offsets
    for bad in ("[4,0]", "[0,3]", "[0,8]", "[1,5]", "[0]", "[]", "[0,4,4]", "[0,4.0]", "[-0,4]", "[0,-4]", '["0","4"]',
                "[0,18446744073709551615]", "[18446744073709551615,3]", "[0,18446744073709551620]", "null", "4",
                '{"0":0,"1":4}'):
        yield "data_offsets " + bad, one(offsets=bad), ""
    yield "hole at the start", pack("{" + tensor(offsets="[4,8]") + "}", d4 * 2), ""
    yield "hole in the middle", two(tensor(), tensor("b", offsets="[8,12]"), d4 * 3), ""
    yield "overlap, same place", two(tensor(), tensor("b"), d4), ""
    yield "overlap, partial", two(tensor(), tensor("b", offsets="[2,6]"), d4 + b"\0\0"), ""
    yield "out of order", two(tensor(offsets="[4,8]"), tensor("b"), d4 * 2), ""
    # metadata
    meta = lambda value: pack('{"__metadata__":%s,%s}' % (value, tensor()), d4)
    yield "metadata", meta('{"format":"pt","x":""}'), ""
    yield "metadata null", meta("null"), ""
    yield "metadata {}", meta("{}"), ""
    yield "metadata []", meta("[]"), ""
    yield "metadata a string", meta('"pt"'), ""
    yield "metadata with a number", meta('{"a":1}'), ""
    yield "metadata with null", meta('{"a":null}'), ""
    yield "metadata with an object", meta('{"a":{}}'), ""
    yield "metadata 200 deep", meta('{"a":' * 200 + '"b"' + "}" * 200), ""
    yield "metadata twice", pack('{"__metadata__":{},"__metadata__":{}}'), ""
    yield "metadata twice, null", pack('{"__metadata__":null,"__metadata__":null}'), ""
    yield "metadata key twice", meta('{"a":"b","a":"c"}'), "duplicate"
    yield "metadata alone", pack('{"__metadata__":{"a":"b"}}'), ""
    yield "metadata with escapes in its name", pack('{"\\u005f_metadata__":{"a":"b"},%s}' % tensor(), d4), ""
    yield "metadata with a control character", meta('{"a":"\\u0001"}'), ""
    yield "metadata key with NUL", meta('{"\\u0000":"b"}'), ""


def base_file():
    header = ('{"__metadata__":{"format":"pt"},"embeddings.weight":{"dtype":"F32","shape":[3,4],"data_offsets":[0,48]},'
              '"\\u00e9":{"dtype":"BF16","shape":[2,2],"data_offsets":[48,56]},'
              '"bias":{"dtype":"I64","shape":[],"data_offsets":[56,64]}}')
    return pack(header + " " * (-len(header) % 8), bytes(range(64)))


def mutations(count, seed=1):
    """Seeded mutations of a valid file: bytes, digits, pieces of the header, lengths."""
    rng = random.Random(seed)
    base = base_file()
    n = struct.unpack("<Q", base[:8])[0]
    tokens = [b"{", b"}", b"[", b"]", b",", b":", b'"', b" ", b"\n", b"0", b"1", b"-1", b"1.5", b"1e9", b"null", b"\\u0000", b"\\ud800",
              b'"dtype"', b'"shape"', b'"data_offsets"', b'"F16"', b'"x":1,', b'"bias"', b"18446744073709551616", b"\x00", b"\xff", b"{}", b"[0,0]"]
    for _ in range(count):
        header, tail = bytearray(base[8:8 + n]), base[8 + n:]
        length = None
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            at = rng.randrange(len(header) + 1)
            kind = rng.randrange(9)
            if kind == 0 and at < len(header):
                header[at] = rng.randrange(256)
            elif kind == 1 and at < len(header):
                header[at] ^= 1 << rng.randrange(8)
            elif kind == 2:
                del header[at:at + rng.randrange(1, 12)]
            elif kind == 3:
                header[at:at] = rng.choice(tokens)
            elif kind == 4:
                header[at:at + rng.randrange(1, 6)] = rng.choice(tokens)
            elif kind == 5:
                digits = [i for i, c in enumerate(header) if chr(c).isdigit()]
                if digits:
                    header[rng.choice(digits)] = rng.choice(b"0123456789")
            elif kind == 6:
                to = rng.randrange(len(header) + 1)
                header[at:at] = header[min(at, to):max(at, to)][:60]
            elif kind == 7:
                tail = tail[:rng.randrange(len(tail) + 1)] if rng.random() < 0.5 else tail + b"\0" * rng.randrange(4)
            else:
                length = rng.choice((0, 1, n - 1, n + 1, 8, 1 << 32, rng.getrandbits(64)))
        yield pack(bytes(header), tail, length)


def reference_accepts(content):
    """safe_open reads and checks the header, as every loader of the reference does first."""
    from safetensors import SafetensorError, safe_open
    with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
        file.write(content)
        file.flush()
        try:
            with safe_open(file.name, "numpy"):
                return True
        except (SafetensorError, OSError, ValueError):
            return False


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    import safetensors
    assert safetensors.__version__ == "0.8.0", safetensors.__version__
    rows = []
    for name, content, rule in cases():
        if len(content) > 2000:
            continue  # the long ones are compared live, by tools/parity/safetensors_corpus.py
        accepts = reference_accepts(content)
        assert accepts or not rule, f"{name}: the rule '{rule}' is not needed, the reference rejects it too"
        rows.append({"name": name, "reference": "accept" if accepts else "reject", "rule": rule, "hex": content.hex()})
    with open(FILE, "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    print(len(rows), "cases,", sum(row["reference"] == "accept" for row in rows), "accepted by the reference")


if __name__ == "__main__":
    main()
