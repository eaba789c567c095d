"""What training is held against: transformers' model in double precision with the library's dropout masks put in, and the
optimizers' formulas. A batch is a list of sequences, each {"ids", "sample", "positions": masked places, "targets"}."""
import numpy
import torch
from transformers import AttentionInterface, RobertaForMaskedLM


def philox4x32(counter, key):
    """Philox4x32-10 on arrays of counters [4, n] (uint64 holding 32 bits) under one 64-bit key."""
    mask = numpy.uint64(0xFFFFFFFF)
    shift = numpy.uint64(32)
    x = [numpy.asarray(c, numpy.uint64) for c in counter]
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        a, b = x[0] * numpy.uint64(0xD2511F53), x[2] * numpy.uint64(0xCD9E8D57)
        x = [(b >> shift) ^ x[1] ^ numpy.uint64(k0), b & mask, (a >> shift) ^ x[3] ^ numpy.uint64(k1), a & mask]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return x


def dropout_factors(rate, key, site, sample, positions, columns, head=0):
    """[positions, columns]: what dropout multiplies each element by (src/device/ops.h, Dropout)."""
    threshold = int(numpy.floor(float(numpy.float32(rate)) * 65536 + 0.5))
    position, column = numpy.meshgrid(numpy.asarray(positions), numpy.arange(columns), indexing="ij")
    words = philox4x32((column // 8, position | head << 16, numpy.full_like(position, sample), numpy.full_like(position, site)),
                       key)
    word = numpy.choose(column % 8 // 2, words).astype(numpy.uint64)
    draw = numpy.where(column % 2 == 1, word >> numpy.uint64(16), word & numpy.uint64(0xFFFF))
    return numpy.where(draw >= threshold, 65536.0 / (65536 - threshold), 0.0)


def dropout_key(seed, step):
    """Of a step, the first being 1 (src/train/step.cc)."""
    words = philox4x32([[step & 0xFFFFFFFF], [step >> 32], [0], [1 << 31]], seed)
    return int(words[1][0]) << 32 | int(words[0][0])


# Dropout's places (src/model/pass.h): these and 4 times the layer.
EMBEDDINGS_SITE, ATTENTION, ATTENTION_OUTPUT, FEED_FORWARD = 0xFFFFFFFF, 0, 1, 2


class Masks:
    """The dropout masks of the sequence that is being computed, by site."""

    key = sample = None

    def __deepcopy__(self, memo):  # PEFT trains a copy of the head; the sequence that is computed is one all the same
        return self

    def rows(self, x, rate, site):
        """x: [1, T, C]."""
        if self.key is None or not rate:
            return x
        return x * torch.from_numpy(dropout_factors(rate, self.key, site, self.sample, range(x.shape[1]), x.shape[2])).to(x)

    def probabilities(self, x, rate, site):
        """x: [1, H, T, T]."""
        if self.key is None or not rate:
            return x
        heads = [dropout_factors(rate, self.key, site, self.sample, range(x.shape[2]), x.shape[3], h) for h in range(x.shape[1])]
        return x * torch.from_numpy(numpy.stack(heads)).to(x)


class Injected(torch.nn.Module):
    """In the place of one of transformers' nn.Dropout."""

    def __init__(self, masks, rate, site):
        super().__init__()
        self.masks, self.p, self.site = masks, rate, site

    def forward(self, x):
        return self.masks.rows(x, self.p, self.site)


def injected_attention(module, query, key, value, attention_mask, scaling=None, dropout=0.0, **_):
    """transformers' eager attention, dropout by our masks; all sequences are whole, so there is nothing to hide."""
    probabilities = (query @ key.transpose(2, 3) * (scaling or query.size(-1) ** -0.5)).softmax(-1)
    probabilities = module.masks.probabilities(probabilities, module.dropout.p, module.site)
    return (probabilities @ value).transpose(1, 2).contiguous(), probabilities


AttentionInterface.register("injected", injected_attention)


class Reference:
    """transformers' RobertaForMaskedLM in double precision. Models with another head: head_reference.py."""

    def __init__(self, directory):
        self.adopt(self.open(RobertaForMaskedLM, directory))

    @staticmethod
    def open(model_class, directory, **settings):
        return model_class.from_pretrained(directory, dtype=torch.float64, attn_implementation="injected", **settings).train()

    def adopt(self, model):
        """Puts our dropout where the model has its own."""
        self.model, self.masks = model, Masks()
        hidden, attention = model.config.hidden_dropout_prob, model.config.attention_probs_dropout_prob
        body = model.roberta
        body.embeddings.dropout = Injected(self.masks, hidden, EMBEDDINGS_SITE)
        for i, layer in enumerate(body.encoder.layer):
            layer.attention.self.masks, layer.attention.self.site = self.masks, 4 * i + ATTENTION
            assert layer.attention.self.dropout.p == attention
            layer.attention.output.dropout = Injected(self.masks, hidden, 4 * i + ATTENTION_OUTPUT)
            layer.output.dropout = Injected(self.masks, hidden, 4 * i + FEED_FORWARD)

    def units(self, sequence):
        """Of how many losses the mean is taken."""
        return len(sequence["positions"])

    def loss(self, sequence):
        """Their sum."""
        logits = self.model(input_ids=torch.tensor([sequence["ids"]])).logits[0]
        return torch.nn.functional.cross_entropy(logits[sequence["positions"]], torch.tensor(sequence["targets"]), reduction="sum")

    def gradients(self, batch, key=None):
        """Mean loss over the units of the batch, one sequence at a time; gradients are left in the parameters.
        key: of the step's dropout; None: no dropout."""
        self.model.zero_grad()
        self.masks.key = key
        count = sum(self.units(s) for s in batch)
        total = 0.0
        for sequence in batch:
            self.masks.sample = sequence["sample"]
            loss = self.loss(sequence) / count
            loss.backward()
            total += loss.item()
        return total

    def named(self):
        """Parameters by the names that the library saves. An untied decoder has a bias of its own in transformers, and
        lm_head.bias then does nothing; the library has one bias, under that name."""
        named = dict(self.model.named_parameters())
        if "lm_head.decoder.bias" in named:
            named["lm_head.bias"] = named.pop("lm_head.decoder.bias")
        return named


class FairseqAdam:
    """fairseq/optim/adam.py: decay first and of all parameters, eps outside of the corrected root."""

    def __init__(self, parameters, betas, eps, weight_decay):
        self.parameters, self.betas, self.eps, self.weight_decay = parameters, betas, eps, weight_decay
        self.moments = {n: (torch.zeros_like(p), torch.zeros_like(p)) for n, p in parameters.items()}
        self.steps = 0

    @torch.no_grad()
    def step(self, lr):
        self.steps += 1
        b1, b2 = self.betas
        for name, p in self.parameters.items():
            m, v = self.moments[name]
            m.mul_(b1).add_(p.grad, alpha=1 - b1)
            v.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
            step_size = lr * (1 - b2 ** self.steps) ** 0.5 / (1 - b1 ** self.steps)
            p.add_(p, alpha=-self.weight_decay * lr)
            p.addcdiv_(m, v.sqrt() + self.eps, value=-step_size)


class TorchAdamW:
    """torch.optim.AdamW; as transformers' Trainer does, biases and norms are not decayed when `exclude`.
    scales: factors of the learning rate, by parameter; None: 1."""

    def __init__(self, parameters, betas, eps, weight_decay, exclude, scales=None):
        def decayed(name):
            return not (exclude and (name.endswith("bias") or "norm" in name.lower()))
        self.scales = [scales[n] if scales else 1.0 for n in parameters]
        groups = [{"params": [p], "weight_decay": weight_decay * decayed(n)} for n, p in parameters.items()]
        self.optimizer = torch.optim.AdamW(groups, betas=betas, eps=eps)

    def step(self, lr):
        for group, scale in zip(self.optimizer.param_groups, self.scales):
            group["lr"] = lr * scale
        self.optimizer.step()
