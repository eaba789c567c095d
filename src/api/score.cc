#include <algorithm>

#include "core/error.h"
#include "roberta/pipeline.h"
#include "tasks/encode_texts.h"

namespace roberta {
namespace {

/// Masked copies waiting to be run together, and where their answers go.
struct Waiting {
  std::vector<Model::Ids> sequences;
  std::vector<TokenPosition> positions;
  std::vector<int32_t> targets;
  std::vector<float*> answers;
  int64_t tokens = 0;

  void run(Model& model) {
    const std::vector<float> log_probs = model.mlm_log_probs(sequences, positions, targets);
    for (size_t i = 0; i < answers.size(); ++i) *answers[i] = log_probs[i];
    *this = {};
  }
};

}  // namespace

std::vector<Score> score(Model& model, std::span<const std::string> texts) {
  if (!model.info().has_mlm_head) {
    fail(ErrorCode::kModel, "[score] the model (", model.info().architecture,
         ") has no masked-language-model head; score needs a RobertaForMaskedLM");
  }
  const Tokenizer& tokenizer = model.tokenizer();
  const std::vector<Encoding> encodings =
      encode_texts(tokenizer, texts, model.info().max_length, false, model.threads(), "score");
  std::vector<Score> out(texts.size());
  Waiting waiting;
  for (size_t i = 0; i < encodings.size(); ++i) {
    const Encoding& e = encodings[i];
    out[i].tokens.reserve(e.ids.size());  // answers are written through pointers to these
    for (size_t p = 0; p < e.ids.size(); ++p) {
      if (e.special_tokens_mask[p]) continue;
      const int64_t n = static_cast<int64_t>(e.ids.size());
      if (waiting.tokens + n > model.max_batch_tokens() && waiting.tokens > 0) waiting.run(model);
      out[i].tokens.push_back({e.ids[p], tokenizer.decode({&e.ids[p], 1}), e.offsets[p], 0});
      waiting.positions.push_back({static_cast<int32_t>(waiting.sequences.size()), static_cast<int32_t>(p)});
      waiting.sequences.push_back(e.ids);
      waiting.sequences.back()[p] = tokenizer.mask_id();
      waiting.targets.push_back(e.ids[p]);
      waiting.answers.push_back(&out[i].tokens.back().log_prob);
      waiting.tokens += n;
    }
  }
  if (waiting.tokens > 0) waiting.run(model);
  for (Score& s : out) {
    for (const TokenScore& t : s.tokens) s.log_prob += t.log_prob;
  }
  return out;
}

}  // namespace roberta
