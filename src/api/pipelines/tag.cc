#include <algorithm>

#include "api/pipelines/model_impl.h"
#include "core/error.h"
#include "roberta/pipeline.h"
#include "tasks/decoding/probabilities.h"
#include "tasks/decoding/tag_groups.h"
#include "tasks/make_all.h"

namespace roberta {
namespace {

/// A text on its way: its windows, and for each token the place where it has most context.
struct TagText {
  std::vector<Model::Ids> windows;
  std::vector<TagToken> tokens;
  std::vector<TokenPosition> places;  // [tokens]: sequence counts the text's windows
};

EncodeOptions window_options(const ModelInfo& info, const TagOptions& options) {
  EncodeOptions encode;
  encode.truncation = TruncationStrategy::kLongestFirst;
  encode.max_length = info.max_length;
  encode.stride = std::clamp<int64_t>(options.stride, 0, std::max<int64_t>(0, (info.max_length - 2) / 2));
  encode.return_overflowing = true;
  return encode;
}

/// The positions of a window's own tokens: [begin, end).
struct Content {
  size_t begin, end;
};
Content content_of(const Encoding& encoding) {
  const auto& mask = encoding.special_tokens_mask;
  const auto begin = std::find(mask.begin(), mask.end(), uint8_t{0});
  return {static_cast<size_t>(begin - mask.begin()),
          static_cast<size_t>(std::find(begin, mask.end(), uint8_t{1}) - mask.begin())};
}

/// Windows of one text: neighbours share `stride` tokens.
TagText join_windows(Encoding first, int64_t stride) {
  TagText out;
  std::vector<Encoding> windows = std::move(first.overflowing);
  windows.insert(windows.begin(), std::move(first));
  std::vector<size_t> context;  // of each token, in the window that has it now
  size_t begin = 0;             // of the window in the text
  for (size_t w = 0; w < windows.size(); ++w) {
    const Encoding& encoding = windows[w];
    const Content content = content_of(encoding);
    const size_t count = content.end - content.begin;
    for (size_t i = 0; i < count; ++i) {
      const size_t at = begin + i, around = std::min(i, count - 1 - i);
      if (at == out.tokens.size()) {
        out.tokens.emplace_back().index = static_cast<int64_t>(content.begin + at);
        out.places.emplace_back();
        context.push_back(0);
      } else if (around <= context[at]) {
        continue;
      }
      out.tokens[at].offset = encoding.offsets[content.begin + i];
      out.places[at] = {static_cast<int32_t>(w), static_cast<int32_t>(content.begin + i)};
      context[at] = around;
    }
    begin += count - std::min(count, static_cast<size_t>(stride));
    out.windows.push_back(std::move(windows[w].ids));
  }
  return out;
}

void spell(const Tokenizer& tokenizer, const CodePoints& text, TagText& out) {
  const std::optional<int32_t> unknown_id = tokenizer.token_to_id("<unk>");
  for (size_t i = 0; i < out.tokens.size(); ++i) {
    TagToken& token = out.tokens[i];
    const TokenPosition place = out.places[i];
    const int32_t id = out.windows[static_cast<size_t>(place.sequence)][static_cast<size_t>(place.token)];
    const bool unknown = id == unknown_id;
    token.word =
        unknown ? std::string(text.slice(token.offset.begin, token.offset.end)) : tokenizer.id_to_token(id);
    token.continues = !unknown && continues_word(text, token.offset);
  }
}

TagText encode_text(const Tokenizer& tokenizer, const std::string& text, const EncodeOptions& options) {
  TagText out = join_windows(tokenizer.encode(text, options), options.stride);
  spell(tokenizer, CodePoints(text), out);
  return out;
}

/// Moves offsets inside a word to the position of the word in the joined text.
TagText encode_word_list(const Tokenizer& tokenizer, const std::vector<std::string>& words,
                         const EncodeOptions& options) {
  std::string text;
  std::vector<uint32_t> begins;
  uint32_t at = 0;
  for (const std::string& word : words) {
    begins.push_back(at);
    at += static_cast<uint32_t>(CodePoints(word).size()) + 1;
    text += (text.empty() && begins.size() == 1 ? "" : " ") + word;
  }
  const std::vector<std::string_view> views(words.begin(), words.end());
  EncodeOptions whole = options;  // all tokens at once, to know the word of each
  whole.truncation = TruncationStrategy::kNone;
  whole.return_overflowing = false;
  std::vector<int32_t> word_of, ignored;
  const Encoding all = tokenizer.encode_words(views, word_of, whole);
  const size_t first = content_of(all).begin;
  TagText out = join_windows(tokenizer.encode_words(views, ignored, options), options.stride);
  for (size_t i = 0; i < out.tokens.size(); ++i) {
    const uint32_t move = begins[static_cast<size_t>(word_of[first + i])];
    out.tokens[i].offset.begin += move;
    out.tokens[i].offset.end += move;
  }
  spell(tokenizer, CodePoints(text), out);
  return out;
}

std::vector<std::vector<Tag>> run(Model& model, const std::vector<TagText>& texts,
                                  const TagOptions& options) {
  std::vector<Model::Ids> sequences;
  std::vector<TokenPosition> positions;
  for (const TagText& text : texts) {
    const auto before = static_cast<int32_t>(sequences.size());
    for (const TokenPosition place : text.places) positions.push_back({before + place.sequence, place.token});
    sequences.insert(sequences.end(), text.windows.begin(), text.windows.end());
  }
  const Matrix logits = model.token_logits(sequences, positions);
  std::vector<int64_t> begins{0};
  for (const TagText& text : texts)
    begins.push_back(begins.back() + static_cast<int64_t>(text.tokens.size()));
  return make_all(texts.size(), model.threads(), [&](size_t i) {
    const int64_t count = begins[i + 1] - begins[i];
    Matrix scores{count, logits.cols, {}};
    const float* from = logits.data.data() + begins[i] * logits.cols;
    scores.data.assign(from, from + count * logits.cols);
    for (int64_t t = 0; t < count; ++t) softmax(scores.row(t));
    return group_tags(texts[i].tokens, scores, model.info().labels, options);
  });
}

}  // namespace

std::vector<std::vector<Tag>> tag(Model& model, std::span<const std::string> texts,
                                  const TagOptions& options) {
  require_task(model, "token-classification", "tag");
  const Tokenizer& tokenizer = model.tokenizer();
  const EncodeOptions encode = window_options(model.info(), options);
  return run(model,
             make_all(texts.size(), model.threads(),
                      [&](size_t i) { return encode_text(tokenizer, texts[i], encode); }),
             options);
}

std::vector<std::vector<Tag>> tag_words(Model& model, std::span<const std::vector<std::string>> texts,
                                        const TagOptions& options) {
  require_task(model, "token-classification", "tag");
  const Tokenizer& tokenizer = model.tokenizer();
  const EncodeOptions encode = window_options(model.info(), options);
  return run(model,
             make_all(texts.size(), model.threads(),
                      [&](size_t i) { return encode_word_list(tokenizer, texts[i], encode); }),
             options);
}

}  // namespace roberta
