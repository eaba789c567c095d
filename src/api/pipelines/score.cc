#include "api/pipelines/masked_scores.h"
#include "api/pipelines/model_impl.h"
#include "roberta/pipeline.h"
#include "tasks/encode_texts.h"

namespace roberta {

std::vector<Score> score(Model& model, std::span<const std::string> texts) {
  require_task(model, "fill-mask", "score");
  const Tokenizer& tokenizer = model.tokenizer();
  const std::vector<Encoding> encodings =
      encode_texts(tokenizer, texts, model.info().max_length, false, model.threads(), "score");
  std::vector<MaskedText> asked;
  for (const Encoding& e : encodings) asked.push_back({e.ids, own_tokens(e)});
  const std::vector<std::vector<float>> log_probs = masked_log_probs(model, asked);
  std::vector<Score> out(texts.size());
  for (size_t i = 0; i < out.size(); ++i) {
    for (size_t t = 0; t < log_probs[i].size(); ++t) {
      const size_t p = static_cast<size_t>(asked[i].positions[t]);
      const int32_t id = encodings[i].ids[p];
      out[i].tokens.push_back({id, tokenizer.decode({&id, 1}), encodings[i].offsets[p], log_probs[i][t]});
      out[i].log_prob += log_probs[i][t];
    }
  }
  return out;
}

}  // namespace roberta
