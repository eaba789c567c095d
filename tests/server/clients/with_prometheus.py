"""/metrics through the parser of Prometheus's own Python client."""
from common import CARD, library, need, need_equal, serve
from wire import post

parser = library("prometheus_client.parser")

HISTOGRAMS = ["te_request_duration", "te_request_tokenization_duration", "te_request_queue_duration",
              "te_request_inference_duration", "te_request_input_length", "te_batch_next_size", "te_batch_next_tokens",
              "te_embed_duration", "te_predict_duration", "roberta_batch_compute_duration"]


def main():
    with serve() as server:
        with server.connect() as connection:
            need_equal(connection.ask(post("/embed", {"inputs": CARD})).status, 200, "/embed")
            need_equal(connection.ask(post("/embed", {"inputs": ""})).status, 400, "/embed of nothing")
        text = server.get("/metrics").body.decode()
        families = {family.name: family for family in parser.text_string_to_metric_families(text)}
    # It gives every counter its "_total".
    samples = {(s.name, *s.labels.values()): s.value for family in families.values() for s in family.samples}
    for name in HISTOGRAMS:
        need_equal(families[name].type, "histogram", name)
        need_equal(samples[name + "_bucket", "+Inf"], samples[name + "_count",], name)
    need_equal(families["te_queue_size"].type, "gauge", "te_queue_size")
    need_equal(samples["te_request_count_total", "batch"], 1, "requests of several inputs")
    need_equal(samples["te_request_success_total", "batch"], 1, "successful ones")
    need_equal(samples["te_embed_success_total",], 2, "inputs embedded")
    need_equal(samples["te_request_failure_total", "empty"], 1, "errors")
    need_equal(samples["roberta_http_requests_total", "tei", "4xx"], 1, "errors of the protocol")
    need(samples["te_batch_next_tokens_sum",] >= 10, "tokens of the batches")
    need(samples["process_resident_memory_bytes",] > 1e7, "resident memory")
    print(f"prometheus: {len(families)} families, {len(samples)} samples")


main()
