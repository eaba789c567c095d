#include "tasks/decoding/span_answers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "core/error.h"
#include "text/unicode/lowercase.h"

namespace roberta {
namespace {

struct Candidate {
  size_t start, end;  // tokens of the window, both inclusive
  double score;
};
struct Scored {
  Answer answer;
  double score;
};

/// Probabilities of a column of logits over <s> and the context's tokens; 0 elsewhere.
std::vector<double> probabilities(const SpanWindow& window, size_t column) {
  const auto& text = window.encoding->sequence_ids;
  const auto allowed = [&](size_t i) { return i == 0 || text[i] == 1; };
  double top = -std::numeric_limits<double>::infinity(), sum = 0;
  std::vector<double> out(text.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = window.logits[2 * i + column];
    if (!std::isfinite(out[i]))
      fail(ErrorCode::kNumeric,
           "[answer] the logits are NaN or infinity: the weights are damaged or out of range");
    if (allowed(i)) top = std::max(top, out[i]);
  }
  for (size_t i = 0; i < out.size(); ++i) sum += out[i] = allowed(i) ? std::exp(out[i] - top) : 0;
  for (double& p : out) p /= sum;
  return out;
}

/// The best `count` spans of at most max_answer tokens, best first; ties by position.
std::vector<Candidate> best_spans(const std::vector<double>& start, const std::vector<double>& end,
                                  const AnswerOptions& options, size_t count) {
  const auto better = [](const Candidate& a, const Candidate& b) {
    if (a.score != b.score) return a.score > b.score;
    return a.start != b.start ? a.start < b.start : a.end < b.end;
  };
  std::vector<Candidate> best;
  const auto longest = static_cast<size_t>(options.max_answer);
  for (size_t s = 1; s < start.size(); ++s) {
    for (size_t e = s; e < std::min(start.size(), s + longest); ++e) {
      const Candidate candidate{s, e, start[s] * end[e]};
      if (candidate.score == 0 || (best.size() == count && !better(candidate, best.front()))) continue;
      if (best.size() == count) {  // the worst stands first in the heap
        std::pop_heap(best.begin(), best.end(), better);
        best.pop_back();
      }
      best.push_back(candidate);
      std::push_heap(best.begin(), best.end(), better);
    }
  }
  std::sort(best.begin(), best.end(), better);
  return best;
}

/// Code points from the first token to the last, or from the beginning of its word to the end of the other's.
Offset offset_of(const Encoding& encoding, const Candidate& span, bool align_words) {
  size_t first = span.start, last = span.end;
  const auto same = [&](size_t a, size_t b) {
    return encoding.sequence_ids[a] == encoding.sequence_ids[b] && encoding.words[a] == encoding.words[b];
  };
  if (align_words) {
    while (first > 0 && same(first - 1, first)) --first;
    while (last + 1 < encoding.ids.size() && same(last + 1, last)) ++last;
  }
  return {encoding.offsets[first].begin, encoding.offsets[last].end};
}

}  // namespace

std::vector<Answer> span_answers(const CodePoints& context, std::span<const SpanWindow> windows,
                                 const AnswerOptions& options) {
  const auto top_k = static_cast<size_t>(options.top_k);
  // Some become equal when they are widened to words.
  const size_t candidates = options.align_words ? 2 * top_k + 10 : top_k;
  double null_score = std::numeric_limits<double>::infinity();
  std::vector<Scored> found;
  std::unordered_map<std::string, size_t> by_text;
  for (const SpanWindow& window : windows) {
    const std::vector<double> start = probabilities(window, 0), end = probabilities(window, 1);
    null_score = std::min(null_score, start[0] * end[0]);
    for (const Candidate& span : best_spans(start, end, options, candidates)) {
      const Offset offset = offset_of(*window.encoding, span, options.align_words);
      const std::string text(context.slice(offset.begin, offset.end));
      const auto [at, is_new] =
          by_text.emplace(to_utf8(python_lowercase(to_code_points(text))), found.size());
      if (is_new) found.push_back({{0, offset, text}, 0});
      found[at->second].score += span.score;
    }
  }
  for (Scored& one : found) one.answer.score = static_cast<float>(one.score);
  if (options.handle_impossible) {
    found.push_back(
        {{static_cast<float>(null_score), {0, 0}, ""}, null_score * std::exp(-options.null_threshold)});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Scored& a, const Scored& b) { return a.score > b.score; });
  std::vector<Answer> answers;
  for (size_t i = 0; i < std::min(found.size(), top_k); ++i) answers.push_back(std::move(found[i].answer));
  return answers;
}

}  // namespace roberta
