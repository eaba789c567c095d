#!/usr/bin/env python3
"""Seeds of the fuzz targets safetensors, config, checkpoint, text_data, token_data, squad, http and routes: fuzz/corpus/NAME/.
Uses only Python."""
import gzip
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import make_safetensors_corpus as corpus  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz", "corpus")

BASE = {"architectures": ["RobertaForMaskedLM"], "model_type": "roberta", "vocab_size": 50265, "hidden_size": 768,
        "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 514,
        "type_vocab_size": 1, "layer_norm_eps": 1e-05, "hidden_act": "gelu", "pad_token_id": 1}


def write(name, seeds):
    folder = os.path.join(ROOT, name)
    os.makedirs(folder, exist_ok=True)
    for old in os.listdir(folder):
        os.remove(os.path.join(folder, old))
    for title, content in seeds:
        with open(os.path.join(folder, re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")), "wb") as out:
            out.write(content)
    print(name, len(os.listdir(folder)), "seeds")


def configs():
    yield "base", json.dumps(BASE).encode()
    yield "minimal", b'{"model_type": "roberta"}'
    yield "labels", json.dumps({**BASE, "id2label": {"0": "a", "1": "b"}, "problem_type": "regression"}).encode()
    yield "dtype", json.dumps({**BASE, "torch_dtype": "bfloat16", "classifier_dropout": None, "pruned_heads": {}}).encode()
    yield "relative", json.dumps({**BASE, "model_type": "xlm-roberta"}).encode()
    for value in ("-1", "2147483648", "9223372036854775808", "1e400", "1.5", "0"):
        for field in ("vocab_size", "hidden_size", "pad_token_id"):
            yield f"{field} {value}", json.dumps({**BASE, field: "@"}).replace('"@"', value).encode()


def checkpoints():
    shard = corpus.base_file()
    yield "one shard", b'{"weight_map": {"bias": "s", "embeddings.weight": "s"}}\n' + shard
    yield "unknown tensor", b'{"metadata": {"total_size": 64}, "weight_map": {"x": "s"}}\n' + shard
    yield "path", b'{"weight_map": {"bias": "../s"}}\n' + shard
    yield "absolute", b'{"weight_map": {"bias": "/etc/passwd"}}\n' + shard
    yield "self", b'{"weight_map": {"bias": "model.safetensors.index.json"}}\n' + shard


def text_data():
    """The first byte: 0-3 .tsv, .csv, .jsonl, none; + 4 pairs, + 8 values, + 16 sets, + 32 no header, + 64 unlabelled, + 128 drop."""
    yield "tsv", b"\0a\tlabel\none \"two\"\tx\nthree\ty\n"
    yield "tsv broken rows", b"\x80a\tlabel\none\ntwo\tx\n"
    yield "no header", b"\x24one\ttwo\t1\n"
    yield "csv", b'\x01\xef\xbb\xbfa,label\r\n"one, ""two""\r\nthree",x\r\n\r\n'
    yield "csv values", b"\x09a,label\none,0.5\ntwo,-1e3\n"
    yield "csv pairs sets", b'\x15a,b,label\none,two,"x, y"\nthree,four,\n'
    yield "json lines", b'\x02{"a": "one", "label": 1}\n{"label": "x", "a": "\\u00e9"}\n'
    yield "json array", b'\x13[{"a": "one", "label": ["x", 2]},\n {"a": "", "label": []}]'
    yield "unlabelled", b"\x43a\tlabel\none\t-1\n"


def token_data():
    """The first byte: 0-3 .conll, .jsonl, -, .txt; + 4 iob1, 8 iob2, 12 none; + 16 unlabelled; + 32 n the tag's column."""
    yield "conll", b"\0-DOCSTART- O\n\nEU NNP B-ORG\nx NNP O\r\n\nPeter NNP I-PER\n"
    yield "tabs", b"\x08New York\tB-loc\n,\tI-loc\n\nx\tO"
    yield "iob1", b"\x04a I-x\nb B-x\nc O\n"
    yield "no chunks", b"\x4ca DT\nb NN\n"
    yield "unlabelled", b"\x10a\nb\n\nc\n"
    yield "json lines", b'\x01{"t": ["a", "b"], "g": ["B-x", "I-x"]}\n{"t": ["c"], "g": ["O"]}\n'
    yield "json array", b'\x02[{"t": ["a"], "g": ["I-x"]}]'


def squad():
    """The first byte: 1 training, + 2 offsets must be right, + 4 one question."""
    def whole(context, *questions):
        return json.dumps({"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": context, "qas": list(questions)}]}]}).encode()
    right = {"id": "1", "question": "?", "answers": [{"text": "caf\u00e9", "answer_start": 2}]}
    moved = {"id": "2", "question": "?", "answers": [{"text": "a", "answer_start": 9}, {"text": "x", "answer_start": -1}]}
    impossible = {"id": "3", "question": "?", "answers": [], "is_impossible": True, "plausible_answers": [{"text": "a", "answer_start": 0}]}
    yield "training", b"\1" + whole("A caf\u00e9 a", right, moved, impossible)
    yield "dev", b"\0" + whole("A caf\u00e9 a", right, moved, impossible)
    yield "strict", b"\3" + whole("A caf\u00e9 a", right, impossible)
    yield "one", b"\4" + whole("A caf\u00e9 a", moved, impossible)
    yield "behind", b'\1{"data": [{"paragraphs": [{"qas": [{"question": "?", "id": "1", "answers": [{"answer_start": 0, "text": "a"}]}], "context": "a"}]}]}'


TEXT, TWO = "a <mask> b", ["a <mask> b", "the <mask>"]
POSTS = {
    "/score": [{"input_data": TWO}, {"inputs": {"input_string": TWO}}, {"input_data": {"input_string": [TEXT]}},
               {"input_data": TWO, "parameters": {"top_k": 3, "return_full": True}}, {"data": [TEXT]},
               {"inputs": TEXT, "parameters": {"top_k": 2, "targets": ["a", "b"]}}],
    "/": [{"inputs": TEXT}], "/invocations": [{"inputs": TWO}], "/vertex": [{"instances": [{"inputs": TEXT}]}],
    "/embed": [{"inputs": "a"}, {"inputs": ["a", [0, 5, 2]], "normalize": False, "dimensions": 4, "truncate": True,
                                 "truncation_direction": "left", "prompt_name": None}],
    "/embed_all": [{"inputs": ["a", "b"]}], "/embed_sparse": [{"inputs": "a"}],
    "/predict": [{"inputs": "a"}, {"inputs": ["a", "b"], "raw_scores": True}, {"inputs": [["a"], ["a", "b"]]}],
    "/rerank": [{"query": "q", "texts": ["a", "b"], "raw_scores": False, "return_text": True}],
    "/similarity": [{"inputs": {"source_sentence": "a", "sentences": ["b", "a"]}, "parameters": {"truncate": True}}],
    "/tokenize": [{"inputs": ["a b", "c"], "add_special_tokens": False}], "/decode": [{"ids": [[0, 7, 2], [5]], "skip_special_tokens": False}],
    "/v1/embeddings": [{"input": ["a", "b"], "model": "m", "encoding_format": "base64", "user": "u"}, {"input": [[0, 5, 2]], "dimensions": 2}],
    "/v2/models/m/infer": [{"id": "42", "inputs": [{"name": "input-0", "shape": [2], "datatype": "BYTES", "data": TWO}],
                            "outputs": [{"name": "output-0"}], "parameters": {"top_k": 2}},
                           {"inputs": [{"name": "input_ids", "shape": [1, 3], "datatype": "INT64", "data": [[0, 4, 2]]},
                                       {"name": "attention_mask", "shape": [1, 3], "datatype": "INT64", "data": [1, 1, 1]}]}],
    "/v2/models/classes/versions/1/infer": [{"inputs": [{"name": "args", "shape": [1], "datatype": "BYTES", "data": ["a"]}]}],
    "/v2/models/tags/infer": [{"inputs": [{"name": "a", "shape": [1], "datatype": "BYTES", "data": ["a b"]}]}],
    "/v2/repository/index": [{"ready": True}], "/v2/repository/models/m/load": [{}],
    "/v1/models/m:predict": [{"instances": TWO}],
    "/pipelines/fill-mask": [{"inputs": TEXT, "parameters": {"top_k": 2, "targets": ["a"]}, "options": {"wait_for_model": True}}, {"inputs": TWO}],
    "/pipelines/text-classification": [{"inputs": ["a", "b"], "parameters": {"top_k": None, "function_to_apply": "sigmoid"}},
                                       {"inputs": {"text": "a", "text_pair": "b"}}],
    "/pipelines/token-classification": [{"inputs": "a b c", "parameters": {"aggregation_strategy": "simple", "ignore_labels": [], "stride": 4}}],
    "/pipelines/question-answering": [{"inputs": {"question": "a?", "context": "a b c"}, "parameters": {"top_k": 2, "max_answer_len": 3,
                                       "doc_stride": 4, "max_seq_len": 20, "handle_impossible_answer": True}}],
    "/pipelines/zero-shot-classification": [{"inputs": "a", "parameters": {"candidate_labels": ["b", "c"], "multi_label": True,
                                             "hypothesis_template": "It is {}."}}, {"inputs": ["a"], "parameters": {"candidate_labels": "b, c"}}],
    "/pipelines/feature-extraction": [{"inputs": ["a", "b"]}],
}
GETS = ["/", "/livez", "/readyz", "/startupz", "/health", "/ping", "/info", "/metrics", "/swagger.json?version=3", "/openapi.json", "/ui", "/docs",
        "/v2", "/v2/health/live", "/v2/models/m", "/v2/models/m/versions/1/ready", "/v2/models/m/stats", "/v1/models/m", "/score?input_data=a%3Cmask%3E"]


def routes():
    """The path, a line feed, the body that is posted there; no body: GET."""
    for path, bodies in POSTS.items():
        for i, body in enumerate(bodies):
            yield f"post {path} {i}", f"{path}\n".encode() + json.dumps(body).encode()
    for path in GETS:
        yield f"get {path}", f"{path}\n".encode()
    yield "surrogate", b'/embed\n{"inputs": "\\ud83d\\ude00 \\ud800"}'
    yield "deep", b'/embed\n{"inputs": ' + b"[" * 70 + b"]" * 70 + b"}"
    yield "twice", b'/embed\n{"inputs": "a", "inputs": "b"}'
    yield "numbers", b'/pipelines/fill-mask\n{"inputs": "<mask>", "parameters": {"top_k": 1e400}}'


def http():
    """The first byte: bytes of a piece, less one. Then what comes over a connection."""
    def post(path, body, *headers, length=True):
        lines = [f"POST {path} HTTP/1.1", "Host: a", "Content-Type: application/json", *headers]
        return "\r\n".join(lines + [f"Content-Length: {len(body)}"] * length).encode() + b"\r\n\r\n" + body

    def chunks(*parts, last=b"0\r\n\r\n"):
        return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + last
    score, chunked = json.dumps({"input_data": TWO}).encode(), "Transfer-Encoding: chunked"
    yield "get", b"\x3cGET / HTTP/1.1\r\nHost: a\r\n\r\n"
    yield "score", b"\x3c" + post("/score", score)
    yield "bytes", b"\0" + post("/score", score, "x-request-id: 7", "Authorization: Bearer k")
    yield "two", b"\x06" + post("/embed", b'{"inputs": "a"}') + b"HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n"
    yield "close", b"\x06" + post("/embed", b'{"inputs": "a"}', "Connection: close") + b"GET / HTTP/1.1\r\n\r\n"
    yield "chunked", b"\x05" + post("/score", chunks(score[:9], score[9:]), chunked, length=False)
    yield "chunk extension", b"\x05" + post("/score", b"5;a=b\r\n12345\r\n" + chunks(), chunked, length=False)
    yield "trailers", b"\x05" + post("/score", chunks(score, last=b"0\r\nA: b\r\n\r\n"), chunked, length=False)
    yield "chunk sizes", b"\x05" + post("/score", b"-2\r\nab\r\n", chunked, length=False)
    yield "huge chunk", b"\x05" + post("/score", b"ffffffffffffffff1\r\nab\r\n", chunked, length=False)
    yield "both", b"\x05" + post("/score", chunks(b"ab"), chunked)
    yield "gzip", b"\x10" + post("/score", gzip.compress(score, mtime=0), "Content-Encoding: gzip")
    yield "bomb", b"\x10" + post("/score", gzip.compress(b" " * 1000000, mtime=0), "Content-Encoding: gzip")
    yield "expect", b"\x10" + post("/score", score, "Expect: 100-continue")
    yield "http 1.0", b"\x10GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /info HTTP/1.0\r\n\r\n"
    yield "http 2", b"\x10PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield "folded", b"\x10GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n"
    yield "bare line feed", b"\x10GET / HTTP/1.1\nHost: a\n\n"
    yield "nul", b"\x10GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n"
    yield "two hosts", b"\x10GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"
    yield "percent", b"\x10GET /%76%32/models/%6d?a=%20b&c HTTP/1.1\r\nHost: a\r\n\r\n"
    yield "absolute", b"\x10GET http://a/livez HTTP/1.1\r\nHost: a\r\n\r\n"
    yield "options", b"\x10OPTIONS /score HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nAccess-Control-Request-Method: POST\r\n\r\n"
    yield "many headers", b"\x10GET / HTTP/1.1\r\n" + b"A: b\r\n" * 30 + b"\r\n"
    yield "long path", b"\x10GET /" + b"a" * 300 + b" HTTP/1.1\r\nHost: a\r\n\r\n"


def main():
    wanted = re.compile(r"^(plain|metadata|dtype (F4, even|BF16)|tensor as a list|shape \[0\]|2\^40|unknown field$|depth 127$|"
                        r"escaped name|surrogate pair|out of order|tensor twice|hole|overlap|length 2)")
    write("safetensors", [(name, content) for name, content, _ in corpus.cases() if wanted.match(name)] + [("three", corpus.base_file())])
    write("config", configs())
    write("checkpoint", checkpoints())
    write("text_data", text_data())
    write("token_data", token_data())
    write("squad", squad())
    write("http", http())
    write("routes", routes())


if __name__ == "__main__":
    main()
