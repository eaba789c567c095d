#!/usr/bin/env python3
"""Pseudo-log-likelihoods by transformers in bf16, ready to run: `pll_baseline.py MODEL PAIRS VARIANT THREADS`.

PAIRS: JSON lines {"first", "second", "shared"}; each sentence's masked copies are one batch: every token masked in turn, or with
"shared" the tokens that both sentences have, found by difflib as in the script of CrowS-Pairs. VARIANT: words joined by "-":
bf16 or fp32, sdpa or eager attention, full (logits of all tokens, as RobertaForMaskedLM gives them) or rows (the masked rows
are gathered before lm_head). After the model is loaded it prints its facts; then each line of stdin is one pass over the pairs,
answered by its milliseconds; "scores FILE" writes the scores as well.
"""
import difflib
import json
import os
import sys
import time


class Scorer:
    def __init__(self, torch, model, tokenizer, full):
        self.torch, self.model, self.mask, self.full = torch, model, tokenizer.mask_token_id, full

    def __call__(self, ids, positions):
        """Sum of log P(token | all others) over the positions."""
        torch = self.torch
        if not positions:
            return 0.0
        rows = torch.arange(len(positions))
        batch = torch.tensor(ids).repeat(len(positions), 1)
        batch[rows, positions] = self.mask
        with torch.inference_mode():
            if self.full:
                logits = self.model(input_ids=batch).logits[rows, positions]
            else:
                logits = self.model.lm_head(self.model.roberta(input_ids=batch).last_hidden_state[rows, positions])
            log_probs = logits.float().log_softmax(-1)
            return log_probs[rows, torch.tensor(ids)[positions]].sum().item()


def shared_places(a, b):
    """Places of equal tokens, special ones left out."""
    blocks = difflib.SequenceMatcher(None, [str(x) for x in a], [str(x) for x in b]).get_matching_blocks()
    pairs = [(m.a + i, m.b + i) for m in blocks for i in range(m.size)][1:-1]
    return [p for p, _ in pairs], [q for _, q in pairs]


def main():
    directory, file, variant, threads = sys.argv[1:]
    words = variant.split("-")
    os.environ["OMP_NUM_THREADS"] = threads
    import torch
    import transformers
    torch.set_num_threads(int(threads))
    transformers.utils.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    model = transformers.RobertaForMaskedLM.from_pretrained(
        directory, dtype=torch.bfloat16 if "bf16" in words else torch.float32, attn_implementation="eager" if "eager" in words else "sdpa").eval()
    score = Scorer(torch, model, tokenizer, "full" in words)
    pairs = [json.loads(line) for line in open(file)]
    print(json.dumps({"baseline": f"transformers {variant}", "version": transformers.__version__, "torch": torch.__version__.split("+")[0],
                      "pairs": len(pairs)}), file=ANSWERS, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        scores = []
        for pair in pairs:
            ids = tokenizer([pair["first"], pair["second"]])["input_ids"]
            places = shared_places(*ids) if pair["shared"] else [list(range(1, len(row) - 1)) for row in ids]
            scores.append([score(row, p) for row, p in zip(ids, places)])
        ms = 1e3 * (time.perf_counter() - start)
        if line.startswith("scores"):
            json.dump(scores, open(line.split(maxsplit=1)[1].strip(), "w"))
        print(f"{ms:.3f}", file=ANSWERS, flush=True)


if __name__ == "__main__":
    # What libraries print must not come between the answers.
    ANSWERS = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ["HF_HUB_OFFLINE"] = "1"
    main()
