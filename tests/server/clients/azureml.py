"""The card's sample as Azure ML's consumption sample sends it: urllib, a bearer key, the header that names the deployment; and what
its client looks at when things go wrong."""
import json
import urllib.error
import urllib.request

from common import CARD, need, need_equal, need_words, serve

KEY = "a-key-of-this-test"


def send(url, data, key=KEY, method=None, **more):
    """Status, headers, body; errors too."""
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Authorization": "Bearer " + key,
               "azureml-model-deployment": "blue", **more}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def main():
    with serve("--api-key", KEY) as server:
        url = server.url + "/score"
        status, headers, body = send(url, str.encode(json.dumps({"input_data": CARD})), **{"x-ms-client-request-id": "client-1"})
        need_equal(status, 200, "status")
        words = need_words(json.loads(body), 2)
        need(headers.get("x-request-id"), "no x-request-id")
        need_equal(headers.get("x-ms-client-request-id"), "client-1", "x-ms-client-request-id")
        need(float(headers["x-ms-run-fn-exec-ms"]) > 0, "x-ms-run-fn-exec-ms:", headers["x-ms-run-fn-exec-ms"])

        # What older versions of the model took, and what MLflow's client makes of columns.
        records = [{"0": word} for word in words]
        for form, expected in (({"inputs": {"input_string": CARD}}, records), ({"input_data": {"input_string": CARD}}, words),
                               ({"input_data": {"columns": ["input_string"], "index": [0, 1], "data": [[text] for text in CARD]}}, words)):
            status, _, body = send(url, json.dumps(form).encode())
            need_equal((status, json.loads(body)), (200, expected), json.dumps(form))

        need_equal(send(url, b"{}", key="another")[0], 401, "a wrong key")
        need("WWW-Authenticate" in send(url, b"{}", key="another")[1], "401 without WWW-Authenticate")
        need_equal(send(server.url + "/", None)[0::2], (200, b"Healthy"), "GET /")
        need_equal(urllib.request.urlopen(server.url + "/").read(), b"Healthy", "GET / without a key")
        status, _, body = send(url, b"{")
        need_equal((status, list(json.loads(body))), (400, ["message"]), "broken JSON")
        status, _, body = send(url, json.dumps({"input_data": ["no mask"]}).encode())
        need_equal((status, list(json.loads(body))), (400, ["message"]), "a text without a mask")
        need_equal(send(url, None, method="DELETE")[0], 405, "another verb")
        need_equal(send(url, b"{}", **{"x-request-id": "a" * 101})[0], 431, "a long request id")
        for version in ("2", "3", "3.1"):
            status, _, body = send(f"{server.url}/swagger.json?version={version}", None)
            need(status == 200 and "/score" in json.loads(body)["paths"], "swagger.json", version)
    print("azureml: the card's sample gives", words)


main()
