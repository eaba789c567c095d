"""All protocols through `requests`."""
from common import CARD, WIDTH, library, need, need_equal, need_near, need_words, serve

requests = library("requests")


def main():
    with serve() as server, requests.Session() as session:
        def post(path, value, status=200, **more):
            response = session.post(server.url + path, json=value, timeout=60, **more)
            need_equal(response.status_code, status, f"{path}: {response.text[:300]}")
            return response.json()

        words = need_words(post("/score", {"input_data": CARD}), 2)
        fills = post("/pipelines/fill-mask", {"inputs": CARD[0], "parameters": {"top_k": 3}})
        need_equal([sorted(fill) for fill in fills], [["score", "sequence", "token", "token_str"]] * 3, "fill-mask")
        need_equal(fills[0]["token_str"].strip(), words[0], "the best fill")
        need(1 >= fills[0]["score"] >= fills[1]["score"] >= fills[2]["score"] > 0, "scores:", fills)
        need_equal([len(one) for one in post("/pipelines/fill-mask", {"inputs": CARD})], [5, 5], "fill-mask of two texts")

        vectors = post("/embed", {"inputs": ["a river", "a city"]})
        need_equal([len(v) for v in vectors], [WIDTH, WIDTH], "/embed")
        need_near([sum(x * x for x in v) for v in vectors], [1, 1], "unit length", 1e-5)
        tokens = post("/tokenize", {"inputs": "a river"})
        per_token = post("/embed_all", {"inputs": "a river"})
        need_equal((len(per_token), len(per_token[0]), len(per_token[0][0])), (1, len(tokens[0]), WIDTH), "/embed_all")
        need_equal(tokens[0][0], {"id": 0, "text": "<s>", "special": True, "start": None, "stop": None}, "/tokenize")
        need_equal(post("/decode", {"ids": [t["id"] for t in tokens[0]]}), ["a river"], "/decode")
        similar = post("/similarity", {"inputs": {"source_sentence": "a river", "sentences": ["a river", "a city"]}})
        need(abs(similar[0] - 1) < 1e-5 and similar[1] < similar[0], "/similarity:", similar)
        features = post("/pipelines/feature-extraction", {"inputs": "a river"})
        while len(features) == 1:
            features = features[0]
        need_equal((len(features), len(features[0])), (len(tokens[0]), WIDTH), "feature-extraction")

        error = post("/embed", {"inputs": ""}, status=400)
        need_equal((sorted(error), error["error_type"]), (["error", "error_type"], "Empty"), "/embed of nothing")
        need_equal(post("/predict", {"inputs": "a"}, status=424)["error_type"], "Backend", "/predict of a model without classes")
        need({"code", "error_type", "message"} <= set(post("/v1/embeddings", {"input": []}, status=400)), "/v1/embeddings of nothing")
        need_equal(list(post("/v2/models/nobody/infer", {"inputs": []}, status=404)), ["error"], "no such model")

        info = session.get(server.url + "/info", timeout=60).json()
        need(info["max_client_batch_size"] == 32 and info["model_dtype"] and info["version"], "/info:", info)
        headers = session.post(server.url + "/embed", json={"inputs": "a"}, timeout=60).headers
        for name in ("x-compute-type", "x-compute-time", "x-compute-characters", "x-compute-tokens", "x-total-time",
                     "x-tokenization-time", "x-queue-time", "x-inference-time", "x-request-id"):
            need(name in headers, "no header", name)
        text = session.get(server.url + "/metrics", timeout=60).text
        need("te_request_count" in text and "te_queue_size" in text, "/metrics:", text[:500])
        # An accepted compression, both ways if offered.
        import gzip
        import json
        packed = session.post(server.url + "/score", gzip.compress(json.dumps({"input_data": CARD}).encode()), timeout=60,
                              headers={"content-type": "application/json", "content-encoding": "gzip"})
        need_equal(packed.json(), words, "a gzip body")
    print("requests: the card's sample gives", words)


main()
