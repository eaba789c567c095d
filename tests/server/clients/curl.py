"""The card's sample through curl, as a reader of the card would send it."""
import json
import shutil
import subprocess
import sys
import tempfile

from common import CARD, need, need_equal, need_words, serve

SAMPLE = """{
  "input_data": [
    "Paris is the <mask> of France.",
    "Today is a <mask> day!"
  ]
}
"""


def curl(*words, body=None):
    """Standard output; curl must end well."""
    result = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "60", *words], input=body, capture_output=True, text=True)
    need(result.returncode == 0, "curl ended with", result.returncode, result.stderr)
    return result.stdout


def main():
    if not shutil.which("curl"):
        print("skipped: curl is not installed")
        sys.exit(77)
    json_type = ("--header", "Content-Type: application/json")
    with serve() as server:
        url = server.url
        need_equal(curl(url + "/"), "Healthy", "GET /")
        words = need_words(json.loads(curl("--fail", *json_type, "--data", json.dumps({"input_data": CARD}), url + "/score")), 2)
        # From a file, as it stands on the card; --data alone says that the body is a form.
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(SAMPLE)
            file.flush()
            need_equal(json.loads(curl("--fail", *json_type, "--data-binary", f"@{file.name}", url + "/score")), words, "from a file")
            need_equal(json.loads(curl("--fail", *json_type, "--header", "Transfer-Encoding: chunked", "--data-binary", f"@{file.name}",
                                       url + "/score")), words, "in chunks")
            need_equal(json.loads(curl("--fail", *json_type, "--header", "Expect: 100-continue", "--data-binary", f"@{file.name}",
                                       url + "/score")), words, "after 100 Continue")
        need_equal(json.loads(curl("--fail", *json_type, "--data", json.dumps({"inputs": {"input_string": CARD}}), url + "/score")),
                   [{"0": word} for word in words], "the older form")
        several = curl(*json_type, "--write-out", " %{http_code} %{num_connects}\n", "--data", json.dumps({"input_data": CARD}),
                       url + "/score", url + "/score").splitlines()
        need_equal([line.rsplit(" ", 2)[1:] for line in several], [["200", "1"], ["200", "0"]], "two requests over one connection")
        need_equal(curl("--output", "/dev/null", "--write-out", "%{http_code}", *json_type, "--data", "{", url + "/score"), "400", "broken JSON")
        need("x-request-id: abc" in curl("--include", "--header", "x-request-id: abc", url + "/").lower(), "x-request-id does not come back")
        need_equal(curl("--head", "--output", "/dev/null", "--write-out", "%{http_code}", url + "/livez"), "200", "HEAD")
    print("curl: the card's sample gives", words)


main()
