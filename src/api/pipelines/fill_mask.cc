#include <algorithm>
#include <cmath>

#include "api/pipelines/model_impl.h"
#include "api/pipelines/word_chain.h"
#include "core/error.h"
#include "roberta/pipeline.h"
#include "tasks/decoding/mask_words.h"
#include "tasks/encode_texts.h"

namespace roberta {
namespace {

constexpr size_t kMaxRows = 512;  // beams that run at once

struct MaskedText {
  std::string_view text;
  Encoding encoding;
  std::vector<int32_t> masks;  // positions of <mask>
};

std::vector<MaskedText> read_texts(Model& model, std::span<const std::string> texts) {
  require_task(model, "fill-mask", "fill-mask");
  const Tokenizer& tokenizer = model.tokenizer();
  std::vector<Encoding> encodings =
      encode_texts(tokenizer, texts, model.info().max_length, false, model.threads(), "fill-mask");
  std::vector<MaskedText> out;
  for (size_t i = 0; i < texts.size(); ++i) {
    MaskedText t{texts[i], std::move(encodings[i]), {}};
    for (size_t p = 0; p < t.encoding.ids.size(); ++p) {
      if (t.encoding.ids[p] == tokenizer.mask_id()) t.masks.push_back(static_cast<int32_t>(p));
    }
    if (t.masks.empty()) {
      fail(ErrorCode::kInput, "[fill-mask] ", name_of_text(i, texts.size()), " has no ",
           tokenizer.mask_token(), ": put one in the place of the missing word");
    }
    out.push_back(std::move(t));
  }
  return out;
}

/// The text of ids without padding, as in the transformers pipeline.
std::string sequence_text(const Tokenizer& tokenizer, std::vector<int32_t> ids, bool skip_special) {
  std::erase(ids, tokenizer.pad_id());
  return tokenizer.decode(ids, skip_special);
}

std::vector<Fill> fills_of(const Tokenizer& tokenizer, const MaskedText& text, int32_t position,
                           const std::vector<TokenCandidate>& candidates) {
  std::vector<Fill> fills;
  for (const TokenCandidate& c : candidates) {
    const std::vector<int32_t> token{c.token};
    fills.push_back(
        {c.probability, token, tokenizer.decode(token),
         sequence_text(tokenizer, filled(text.encoding.ids, position, token), text.masks.size() == 1)});
  }
  return fills;
}

/// Adds the factor of token `step` to each target that has that many.
void advance(Model& model, const std::vector<MaskedText>& texts, std::vector<MaskWord>& targets,
             size_t step) {
  ChainStep chain(step, model.tokenizer().mask_id());
  std::vector<MaskWord*> words;
  for (MaskWord& target : targets) {
    const Model::Ids& ids = texts[target.text].encoding.ids;
    if (!chain.add(target, ids)) continue;
    if (static_cast<int64_t>(ids.size() + target.tokens.size() - 1) > model.info().max_length) {
      fail(ErrorCode::kInput, "[fill-mask] text ", target.text, " with a target of ", target.tokens.size(),
           " tokens is longer than the model's ", model.info().max_length);
    }
    words.push_back(&target);
  }
  const std::vector<float> log_probs =
      model.mlm_log_probs(chain.sequences(), chain.positions(), chain.targets());
  for (size_t i = 0; i < words.size(); ++i) words[i]->log_prob += log_probs[i];
}

std::vector<std::vector<std::vector<Fill>>> fill_targets(Model& model, const std::vector<MaskedText>& texts,
                                                         const FillMaskOptions& options) {
  const Tokenizer& tokenizer = model.tokenizer();
  std::vector<MaskWord> words;
  size_t max_tokens = 0;
  for (size_t t = 0; t < texts.size(); ++t) {
    for (int32_t position : texts[t].masks) {
      for (const std::string& word : options.targets) {
        const Offset mask = texts[t].encoding.offsets[static_cast<size_t>(position)];
        words.push_back({t, position, word_tokens(tokenizer, texts[t].text, mask, word)});
        if (words.back().tokens.empty()) fail(ErrorCode::kUsage, "[fill-mask] a target is empty");
        max_tokens = std::max(max_tokens, words.back().tokens.size());
      }
    }
  }
  for (size_t step = 0; step < max_tokens; ++step) advance(model, texts, words, step);
  std::vector<std::vector<std::vector<Fill>>> answers(texts.size());
  size_t next = 0;
  for (size_t t = 0; t < texts.size(); ++t) {
    for (int32_t position : texts[t].masks) {
      std::vector<Fill> fills;
      for (size_t w = 0; w < options.targets.size(); ++w) {
        const MaskWord& word = words[next++];
        fills.push_back({static_cast<float>(std::exp(word.log_prob)), word.tokens,
                         tokenizer.decode(word.tokens),
                         sequence_text(tokenizer, filled(texts[t].encoding.ids, position, word.tokens),
                                       texts[t].masks.size() == 1)});
      }
      std::stable_sort(fills.begin(), fills.end(),
                       [](const Fill& a, const Fill& b) { return a.score > b.score; });
      fills.resize(std::min(fills.size(), static_cast<size_t>(options.top_k)));
      answers[t].push_back(std::move(fills));
    }
  }
  return answers;
}

struct Beam {
  double log_prob = 0;
  std::vector<int32_t> tokens;  // one for each mask so far
};

/// Each beam's continuations at its next mask, the `width` best of all, best first. Beams run kMaxRows at a
/// time.
std::vector<Beam> extend_beams(Model& model, const MaskedText& text, const std::vector<Beam>& beams,
                               size_t width) {
  struct Step {
    double log_prob;
    size_t beam;
    int32_t token;
  };
  const auto better = [](const Step& a, const Step& b) { return a.log_prob > b.log_prob; };
  std::vector<Step> steps;
  const int32_t position = text.masks[beams.front().tokens.size()];
  for (size_t begin = 0; begin < beams.size(); begin += kMaxRows) {
    std::vector<Model::Ids> sequences;
    std::vector<TokenPosition> positions;
    for (size_t b = begin; b < std::min(beams.size(), begin + kMaxRows); ++b) {
      positions.push_back({static_cast<int32_t>(sequences.size()), position});
      sequences.push_back(text.encoding.ids);
      for (size_t m = 0; m < beams[b].tokens.size(); ++m) {
        sequences.back()[static_cast<size_t>(text.masks[m])] = beams[b].tokens[m];
      }
    }
    const auto candidates = model.mlm_candidates(sequences, positions, static_cast<int64_t>(width));
    for (size_t i = 0; i < sequences.size(); ++i) {
      const Beam& beam = beams[begin + i];
      for (const TokenCandidate& c : candidates[i]) {
        steps.push_back({beam.log_prob + std::log(static_cast<double>(c.probability)), begin + i, c.token});
      }
      if (steps.size() < 4 * width + 4096) continue;
      std::stable_sort(steps.begin(), steps.end(), better);
      steps.resize(std::min(steps.size(), width));
    }
  }
  std::stable_sort(steps.begin(), steps.end(), better);
  steps.resize(std::min(steps.size(), width));
  std::vector<Beam> next;
  for (const Step& step : steps) {
    next.push_back({step.log_prob, beams[step.beam].tokens});
    next.back().tokens.push_back(step.token);
  }
  return next;
}

std::vector<Beam> search_beams(Model& model, const MaskedText& text, size_t width) {
  std::vector<Beam> beams(1);
  for (size_t m = 0; m < text.masks.size(); ++m) beams = extend_beams(model, text, beams, width);
  return beams;
}

void check(const FillMaskOptions& options) {
  if (options.top_k < 1)
    fail(ErrorCode::kUsage, "[fill-mask] top_k is ", options.top_k, "; it must be at least 1");
  if (options.beam < 0)
    fail(ErrorCode::kUsage, "[fill-mask] beam is ", options.beam, "; it must not be negative");
}

}  // namespace

std::vector<std::vector<std::vector<Fill>>> fill_mask(Model& model, std::span<const std::string> texts,
                                                      const FillMaskOptions& options) {
  check(options);
  const std::vector<MaskedText> masked = read_texts(model, texts);
  if (!options.targets.empty()) return fill_targets(model, masked, options);
  std::vector<Model::Ids> sequences;
  std::vector<TokenPosition> positions;
  for (const MaskedText& text : masked) {
    for (int32_t p : text.masks) positions.push_back({static_cast<int32_t>(sequences.size()), p});
    sequences.push_back(text.encoding.ids);
  }
  const auto candidates = model.mlm_candidates(sequences, positions, options.top_k);
  std::vector<std::vector<std::vector<Fill>>> answers(texts.size());
  for (size_t i = 0; i < positions.size(); ++i) {
    const auto t = static_cast<size_t>(positions[i].sequence);
    answers[t].push_back(fills_of(model.tokenizer(), masked[t], positions[i].token, candidates[i]));
  }
  return answers;
}

std::vector<std::vector<JointFill>> fill_mask_joint(Model& model, std::span<const std::string> texts,
                                                    const FillMaskOptions& options) {
  check(options);
  const std::vector<MaskedText> masked = read_texts(model, texts);
  const Tokenizer& tokenizer = model.tokenizer();
  const size_t width = static_cast<size_t>(options.beam > 0 ? options.beam : std::max(16, 4 * options.top_k));
  std::vector<std::vector<JointFill>> answers;
  for (const MaskedText& text : masked) {
    const std::vector<Beam> beams = search_beams(model, text, width);
    std::vector<JointFill>& out = answers.emplace_back();
    for (const Beam& beam : beams) {
      if (out.size() == static_cast<size_t>(options.top_k)) break;
      JointFill fill{static_cast<float>(std::exp(beam.log_prob)), beam.tokens, {}, ""};
      std::vector<int32_t> ids = text.encoding.ids;
      for (size_t m = 0; m < beam.tokens.size(); ++m) {
        ids[static_cast<size_t>(text.masks[m])] = beam.tokens[m];
        fill.token_strs.push_back(tokenizer.decode({&beam.tokens[m], 1}));
      }
      fill.sequence = sequence_text(tokenizer, std::move(ids), true);
      out.push_back(std::move(fill));
    }
  }
  return answers;
}

}  // namespace roberta
