"""Embeddings through OpenAI's client: as floats, and in base64, which it asks for by default."""
from common import WIDTH, library, need, need_equal, need_near, serve

openai = library("openai")


def main():
    with serve("--api-key", "a-key") as server:
        client = openai.OpenAI(base_url=server.url + "/v1", api_key="a-key", max_retries=0, timeout=60)
        texts = ["a river near the city", "music", "the old king"]
        plain = client.embeddings.create(model="roberta-small-english", input=texts, encoding_format="float")
        packed = client.embeddings.create(model="roberta-small-english", input=texts)
        for answer in (plain, packed):
            need_equal((answer.object, answer.model), ("list", "roberta-small-english"), "answer")
            need_equal([(d.object, d.index, len(d.embedding)) for d in answer.data], [("embedding", i, WIDTH) for i in range(3)], "data")
            need(answer.usage.prompt_tokens == answer.usage.total_tokens > 3 * 3, "usage:", answer.usage)
        for one, other in zip(plain.data, packed.data):
            need_near(one.embedding, other.embedding, "float and base64")
        single = client.embeddings.create(model="roberta-small-english", input=texts[0])
        need_near(single.data[0].embedding, plain.data[0].embedding, "one text and a list")
        tokens = client.embeddings.create(model="roberta-small-english", input=[[0, 100, 101, 2], [0, 7, 2]])
        need_equal([len(d.embedding) for d in tokens.data], [WIDTH, WIDTH], "token ids")

        try:
            client.embeddings.create(model="roberta-small-english", input=[])
            need(False, "an empty list was taken")
        except openai.APIStatusError as error:
            need(400 <= error.status_code < 500, "an empty list:", error.status_code)
        try:
            openai.OpenAI(base_url=server.url + "/v1", api_key="wrong", max_retries=0).embeddings.create(model="a", input="a")
            need(False, "a wrong key was taken")
        except openai.AuthenticationError:
            pass
    print("openai: vectors of", WIDTH)


main()
