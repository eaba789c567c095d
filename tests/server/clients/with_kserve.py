"""KServe's client: protocols V2 and V1."""
import asyncio

from common import CARD, library, need, need_equal, need_words, serve

kserve = library("kserve")
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig  # noqa: E402

NAME = "roberta-small-english"


def words_of(output):
    return [value.decode() if isinstance(value, bytes) else value for value in output.data]


async def v2(url):
    client = InferenceRESTClient(RESTConfig(protocol="v2", timeout=60, retries=0))
    need(await client.is_server_ready(url), "not ready")
    need(await client.is_server_live(url), "not alive")
    need(await client.is_model_ready(url, NAME), "the model is not ready")
    request = InferRequest(model_name=NAME, request_id="42", infer_inputs=[InferInput(name="input-0", shape=[2], datatype="BYTES", data=CARD)])
    answer = await client.infer(url, request, model_name=NAME)
    need_equal((answer.model_name, answer.id), (NAME, "42"), "answer")
    output = answer.outputs[0]
    need_equal((output.datatype, list(output.shape)), ("BYTES", [2]), "output")
    return need_words(words_of(output), 2)


async def v1(url):
    client = InferenceRESTClient(RESTConfig(protocol="v1", timeout=60, retries=0))
    need(await client.is_model_ready(url, NAME), "the model is not ready (V1)")
    answer = await client.infer(url, {"instances": CARD}, model_name=NAME)
    need_equal(list(answer), ["predictions"], "answer")
    need_equal(len(answer["predictions"]), 2, "predictions")


async def both(url):
    words = await v2(url)
    await v1(url)
    return words


def main():
    with serve(name=NAME) as server:
        words = asyncio.run(both(server.url))
    print("kserve: the card's sample gives", words)


main()
