#include "tasks/decoding/squad_decode.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "tasks/code_points.h"

namespace roberta {
namespace {

float start_logit(const SquadWindow& window, int64_t row) {
  return window.logits[static_cast<size_t>(2 * row)];
}
float end_logit(const SquadWindow& window, int64_t row) {
  return window.logits[static_cast<size_t>(2 * row + 1)];
}

/// Rows of the n highest logits, of starts or ends; ties by lower row.
std::vector<int64_t> top_rows(const SquadWindow& window, float (*logit)(const SquadWindow&, int64_t),
                              int64_t n) {
  std::vector<int64_t> rows(window.logits.size() / 2);
  std::iota(rows.begin(), rows.end(), int64_t{0});
  n = std::clamp<int64_t>(n, 0, static_cast<int64_t>(rows.size()));
  std::partial_sort(rows.begin(), rows.begin() + n, rows.end(), [&](int64_t a, int64_t b) {
    const float x = logit(window, a), y = logit(window, b);
    return x != y ? x > y : a < b;
  });
  rows.resize(static_cast<size_t>(n));
  return rows;
}

/// The best starts with the best ends, where they form a span of the context.
void append_spans(const SquadWindow& window, const SquadDecodeOptions& options,
                  std::vector<SquadCandidate>& out) {
  const SpanFeature& feature = *window.feature;
  const auto in_context = [&](int64_t row) {
    return row >= feature.context_begin && row < feature.context_end;
  };
  const auto at = [&](int64_t row) { return static_cast<size_t>(row - feature.context_begin); };
  const std::vector<int64_t> ends = top_rows(window, end_logit, options.n_best);
  for (const int64_t start : top_rows(window, start_logit, options.n_best)) {
    if (!in_context(start) || (options.max_context && !feature.best[at(start)])) continue;
    for (const int64_t end : ends) {
      if (!in_context(end) || end < start || end - start + 1 > options.max_answer) continue;
      SquadCandidate candidate;
      candidate.start_logit = start_logit(window, start);
      candidate.end_logit = end_logit(window, end);
      candidate.offset = {feature.offsets[at(start)].begin, feature.offsets[at(end)].end};
      out.push_back(std::move(candidate));
    }
  }
}

void set_probabilities(std::vector<SquadCandidate>& candidates) {
  double top = candidates.front().score(), sum = 0;
  for (const SquadCandidate& candidate : candidates) top = std::max<double>(top, candidate.score());
  for (SquadCandidate& candidate : candidates) {
    candidate.probability = std::exp(static_cast<double>(candidate.score()) - top);
    sum += candidate.probability;
  }
  for (SquadCandidate& candidate : candidates) candidate.probability /= sum;
}

bool is_null(const SquadCandidate& candidate) { return candidate.offset == Offset{}; }

}  // namespace

SquadDecoded decode_squad(std::string_view context, std::span<const SquadWindow> windows,
                          const SquadDecodeOptions& options) {
  SquadDecoded out;
  std::optional<SquadCandidate> null;  // of the window that scores it lowest
  std::vector<SquadCandidate>& found = out.n_best;
  for (const SquadWindow& window : windows) {
    SquadCandidate here;
    here.start_logit = start_logit(window, 0);
    here.end_logit = end_logit(window, 0);
    if (!null || null->score() > here.score()) null = here;
    append_spans(window, options, found);
  }
  const bool with_null = options.version2 && null;
  if (with_null) found.push_back(*null);
  std::stable_sort(found.begin(), found.end(),
                   [](const SquadCandidate& a, const SquadCandidate& b) { return a.score() > b.score(); });
  if (found.size() > static_cast<size_t>(options.n_best)) found.resize(static_cast<size_t>(options.n_best));
  if (with_null && std::none_of(found.begin(), found.end(), is_null)) found.push_back(*null);

  const CodePoints text(context);
  for (SquadCandidate& candidate : found)
    candidate.text = text.slice(candidate.offset.begin, candidate.offset.end);
  const auto has_text = [](const SquadCandidate& candidate) { return !candidate.text.empty(); };
  if (found.empty() || (found.size() == 1 && found[0].text.empty())) {
    // run_qa's placeholder, to compare with no answer.
    SquadCandidate stand_in;
    stand_in.text = "empty";
    found.insert(found.begin(), stand_in);
  }
  set_probabilities(found);
  if (!options.version2) {
    out.text = found.front().text;
    return out;
  }
  const auto best = std::find_if(found.begin(), found.end(), has_text);
  if (best == found.end()) return out;  // tokens without a character of the text
  out.null_odds = null ? null->score() - best->start_logit - best->end_logit : 0;
  if (out.null_odds <= options.null_threshold) out.text = best->text;
  return out;
}

}  // namespace roberta
