"""huggingface_hub's InferenceClient, pointed at this server as at an Inference Endpoint."""
from common import CARD, WIDTH, library, need, need_equal, serve

huggingface_hub = library("huggingface_hub")


def main():
    with serve() as server:
        def client(task):
            return huggingface_hub.InferenceClient(model=f"{server.url}/pipelines/{task}", timeout=60)

        fills = client("fill-mask").fill_mask(CARD[0], top_k=3)
        need_equal(len(fills), 3, "fills")
        need(fills[0].score >= fills[1].score > 0 and fills[0].token_str.strip() and "France" in fills[0].sequence, "fills:", fills)
        features = client("feature-extraction").feature_extraction("a river")
        need_equal(features.shape[-1], WIDTH, "features")
        # The root answers for the model's own task, as an Inference Endpoint does.
        whole = huggingface_hub.InferenceClient(model=server.url, timeout=60)
        need_equal(whole.fill_mask(CARD[0])[0].token_str, fills[0].token_str, "fill-mask at the root")
    print("huggingface_hub: the best fill is", fills[0].token_str.strip())


main()
