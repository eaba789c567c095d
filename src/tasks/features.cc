#include "tasks/features.h"

#include <algorithm>

#include "core/error.h"
#include "tasks/make_all.h"

namespace roberta {
namespace {

Feature text_feature(const Tokenizer& tokenizer, const TextData& data, size_t index, int64_t max_length) {
  const TextExample& example = data.examples[index];
  EncodeOptions options;
  options.truncation = TruncationStrategy::kLongestFirst;
  options.max_length = max_length;
  Feature out;
  out.ids = (data.pairs ? tokenizer.encode_pair(example.first, example.second, options)
                        : tokenizer.encode(example.first, options))
                .ids;
  out.positions = {0};
  out.example = index;
  switch (data.kind) {
    case LabelKind::kClass:
      if (example.label >= 0) out.targets = {example.label};
      break;
    case LabelKind::kValue:
      out.values = {example.value};
      break;
    case LabelKind::kSet:
      out.values.assign(data.labels.size(), 0.0F);
      for (const int32_t label : example.label_set) out.values[static_cast<size_t>(label)] = 1;
      break;
  }
  return out;
}

/// By label: that of a word's tokens after the first, I-x of B-x.
std::vector<int32_t> inside_labels(const std::vector<std::string>& labels) {
  std::vector<int32_t> inside;
  for (size_t i = 0; i < labels.size(); ++i) {
    auto found = labels.end();
    if (labels[i].starts_with("B-"))
      found = std::find(labels.begin(), labels.end(), "I-" + labels[i].substr(2));
    inside.push_back(static_cast<int32_t>(found == labels.end() ? i : found - labels.begin()));
  }
  return inside;
}

/// Cuts the encoding of a sentence's words into windows.
class SentenceCutter {
 public:
  SentenceCutter(const Tokenizer& tokenizer, const TokenData& data, int64_t max_length, bool label_all)
      : tokenizer_(tokenizer),
        data_(data),
        max_length_(max_length),
        label_all_(label_all),
        inside_(inside_labels(data.labels)) {}

  std::vector<TokenFeature> windows(size_t index) const {
    const TaggedSentence& sentence = data_.sentences[index];
    const std::vector<std::string_view> views(sentence.words.begin(), sentence.words.end());
    std::vector<int32_t> words;
    const Encoding all = tokenizer_.encode_words(views, words);
    // Tokens [begin, end) are those of words, the rest is the frame.
    const auto is_word = [](int32_t word) { return word >= 0; };
    const size_t begin =
        static_cast<size_t>(std::find_if(words.begin(), words.end(), is_word) - words.begin());
    size_t end = words.size();
    while (end > begin && words[end - 1] < 0) --end;
    const auto frame = static_cast<int64_t>(words.size() - (end - begin));
    if (max_length_ <= frame)
      fail(ErrorCode::kUsage, "[data] a maximum length of ", max_length_,
           " leaves no room for words beside the ", frame, " special tokens");
    const auto room = static_cast<size_t>(max_length_ - frame);

    std::vector<TokenFeature> out;
    for (size_t at = begin; at < end || out.empty();) {
      size_t stop = std::min(end, at + room), next = stop;
      if (stop < end) {  // back to the beginning of a word, or past one that fills the window
        while (stop > at && words[stop] == words[stop - 1]) --stop;
        next = stop;
        if (stop == at) {
          next = stop = at + room;
          while (next < end && words[next] == words[at]) ++next;
        }
      }
      TokenFeature& window = out.emplace_back();
      window.example = index;
      add(window, all, words, 0, begin, nullptr);
      add(window, all, words, at, stop, sentence.tags.empty() ? nullptr : sentence.tags.data());
      add(window, all, words, end, words.size(), nullptr);
      if (!window.words.empty()) window.first_word = static_cast<size_t>(window.words[0]);
      at = next;
    }
    return out;
  }

 private:
  /// Appends tokens [from, to).
  void add(TokenFeature& window, const Encoding& all, const std::vector<int32_t>& words, size_t from,
           size_t to, const int32_t* tags) const {
    for (size_t i = from; i < to; ++i) {
      const int32_t word = words[i];
      const bool first = i == from || words[i - 1] != word;
      if (word >= 0 && (first || label_all_)) {
        window.positions.push_back(static_cast<int32_t>(window.ids.size()));
        window.words.push_back(word);
        if (tags) window.targets.push_back(first ? tags[word] : inside_[static_cast<size_t>(tags[word])]);
      }
      window.ids.push_back(all.ids[i]);
    }
  }

  const Tokenizer& tokenizer_;
  const TokenData& data_;
  const int64_t max_length_;
  const bool label_all_;
  const std::vector<int32_t> inside_;
};

}  // namespace

std::vector<Feature> text_features(const Tokenizer& tokenizer, const TextData& data, int64_t max_length,
                                   int threads) {
  return make_all(data.examples.size(), threads,
                  [&](size_t i) { return text_feature(tokenizer, data, i, max_length); });
}

std::vector<TokenFeature> token_features(const Tokenizer& tokenizer, const TokenData& data,
                                         int64_t max_length, bool label_all, int threads) {
  const SentenceCutter cutter(tokenizer, data, max_length, label_all);
  return joined(make_all(data.sentences.size(), threads, [&](size_t i) { return cutter.windows(i); }));
}

}  // namespace roberta
