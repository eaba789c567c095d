// Questions and windows of their contexts.
#include <algorithm>

#include "core/error.h"
#include "core/utf8.h"
#include "tasks/features.h"
#include "tasks/make_all.h"
#include "text/unicode/lowercase.h"

namespace roberta {
namespace {

std::string_view without_leading_space(std::string_view text) {
  while (!text.empty()) {
    const size_t bytes = utf8_length(text[0]);
    if (bytes > text.size() || !is_python_space(decode_utf8(text.data()))) break;
    text.remove_prefix(bytes);
  }
  return text;
}

std::string_view first_code_points(std::string_view text, size_t count) {
  size_t at = 0;
  for (; count > 0 && at < text.size(); --count) {
    for (++at; at < text.size() && is_continuation(text[at]);) ++at;
  }
  return text.substr(0, at);
}

struct Answer {
  int64_t begin = -1, end = -1;  ///< code points of the context; begin -1: none
};

class SpanCutter {
 public:
  SpanCutter(const Tokenizer& tokenizer, const SpanFeatureOptions& options)
      : tokenizer_(tokenizer), options_(options) {
    if (options.stride < 0 || options.max_question < 0)
      fail(ErrorCode::kUsage, "[data] the stride and the maximum question length must be 0 or more");
    frame_ = static_cast<int64_t>(tokenizer.encode_pair("", "").ids.size());
  }

  /// `answer`: nullptr without targets. name() is the question's in messages.
  template <class Name>
  std::vector<SpanFeature> windows(std::string_view question, std::string_view context, const Answer* answer,
                                   size_t example, Name name) const {
    EncodeOptions options;
    question = without_leading_space(question);
    int64_t room = options_.max_length - frame_ - cut_question(question);
    if (room <= 0) {
      fail(ErrorCode::kInput, "[data] ", name(), " has ", options_.max_length - frame_ - room,
           " tokens; with ", frame_, " special ones nothing of ", options_.max_length,
           " is left for the context: increase the maximum length, or shorten the question");
    }
    options.truncation = TruncationStrategy::kOnlySecond;
    options.max_length = options_.max_length;
    options.stride = options_.stride < room ? options_.stride : room / 2;
    options.return_overflowing = true;
    Encoding first = tokenizer_.encode_pair(question, context, options);
    std::vector<Encoding> rest = std::move(first.overflowing);

    std::vector<SpanFeature> out;
    out.push_back(window(std::move(first), answer, example));
    for (Encoding& encoding : rest) out.push_back(window(std::move(encoding), answer, example));
    mark_best(out, room - options.stride);
    return out;
  }

 private:
  /// Cuts the question to max_question tokens; returns how many it has.
  int64_t cut_question(std::string_view& question) const {
    EncodeOptions options;
    options.add_special_tokens = false;
    Encoding encoding = tokenizer_.encode(question, options);
    if (options_.max_question > 0) {
      // A text that is cut after a token can have more tokens than before the cut, but that is rare.
      for (auto keep = static_cast<size_t>(options_.max_question); encoding.ids.size() > keep && keep > 0;
           --keep) {
        const std::string_view shorter = first_code_points(question, encoding.offsets[keep - 1].end);
        Encoding again = tokenizer_.encode(shorter, options);
        if (static_cast<int64_t>(again.ids.size()) > options_.max_question) continue;
        question = shorter;
        return static_cast<int64_t>(again.ids.size());
      }
    }
    return static_cast<int64_t>(encoding.ids.size());
  }

  static SpanFeature window(Encoding encoding, const Answer* answer, size_t example) {
    SpanFeature out;
    const auto& sequence = encoding.sequence_ids;
    const auto begin = std::find(sequence.begin(), sequence.end(), int8_t{1});
    const auto end = std::find_if(begin, sequence.end(), [](int8_t id) { return id != 1; });
    const auto from = begin - sequence.begin(), to = end - sequence.begin();
    out.context_begin = static_cast<int32_t>(from);
    out.context_end = static_cast<int32_t>(to);
    out.offsets.assign(encoding.offsets.begin() + from, encoding.offsets.begin() + to);
    out.ids = std::move(encoding.ids);
    out.example = example;
    if (answer) out.targets = targets(out, *answer);
    return out;
  }

  /// As transformers' run_qa, but for an answer that begins in the window's last token: there run_qa's search
  /// continues into the padding.
  static std::vector<int32_t> targets(const SpanFeature& feature, const Answer& answer) {
    const std::vector<Offset>& offsets = feature.offsets;
    if (answer.begin < 0 || offsets.empty() || offsets.front().begin > answer.begin ||
        offsets.back().end < answer.end) {
      return {0, 0};
    }
    size_t first = 0, last = offsets.size() - 1;
    while (first + 1 < offsets.size() && offsets[first + 1].begin <= answer.begin) ++first;
    while (last > 0 && offsets[last - 1].end >= answer.end) --last;
    return {feature.context_begin + static_cast<int32_t>(first),
            feature.context_begin + static_cast<int32_t>(last)};
  }

  /// Windows begin `step` tokens apart. Of those that hold a token, the first one of the highest score is its
  /// best.
  static void mark_best(std::vector<SpanFeature>& windows, int64_t step) {
    const auto score = [&](size_t w, int64_t token) {
      const auto length = static_cast<int64_t>(windows[w].offsets.size());
      const int64_t left = token - static_cast<int64_t>(w) * step;
      return static_cast<double>(std::min(left, length - 1 - left)) + 0.01 * static_cast<double>(length);
    };
    const auto holds = [&](size_t w, int64_t token) {
      const int64_t begin = static_cast<int64_t>(w) * step;
      return token >= begin && token < begin + static_cast<int64_t>(windows[w].offsets.size());
    };
    for (size_t w = 0; w < windows.size(); ++w) {
      const size_t length = windows[w].offsets.size();
      windows[w].best.resize(length);
      for (size_t i = 0; i < length; ++i) {
        const int64_t token = static_cast<int64_t>(w) * step + static_cast<int64_t>(i);
        bool best = true;
        for (size_t other = w; best && other-- > 0 && holds(other, token);)
          best = score(other, token) < score(w, token);
        for (size_t other = w + 1; best && other < windows.size() && holds(other, token); ++other)
          best = score(other, token) <= score(w, token);
        windows[w].best[i] = best ? 1 : 0;
      }
    }
  }

  const Tokenizer& tokenizer_;
  const SpanFeatureOptions options_;
  int64_t frame_ = 0;  // special tokens of a pair
};

Answer first_answer(const SquadQuestion& question) {
  for (const SquadAnswer& answer : question.answers) {
    if (answer.start < 0) continue;
    return {answer.start, answer.start + static_cast<int64_t>(count_code_points(answer.text))};
  }
  return {};
}

}  // namespace

std::vector<SpanFeature> span_features(const Tokenizer& tokenizer, const SquadData& data,
                                       const SpanFeatureOptions& options, int threads) {
  const SpanCutter cutter(tokenizer, options);
  return joined(make_all(data.questions.size(), threads, [&](size_t i) {
    const SquadQuestion& question = data.questions[i];
    const Answer answer = first_answer(question);
    const auto name = [&] {
      return concat(data.file.string(), ":", question.line, ": question '", question.id, "'");
    };
    return cutter.windows(question.question, data.contexts[question.context], &answer, i, name);
  }));
}

std::vector<SpanFeature> span_features_of(const Tokenizer& tokenizer, std::string_view question,
                                          std::string_view context, const SpanFeatureOptions& options) {
  return SpanCutter(tokenizer, options).windows(question, context, nullptr, 0, [] { return "the question"; });
}

}  // namespace roberta
