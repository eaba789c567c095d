// Exact match and F1 of the official evaluation scripts of SQuAD 1.1 and 2.0.

#include <algorithm>
#include <numeric>

#include "tasks/metrics/metrics.h"
#include "text/unicode/lowercase.h"

namespace roberta {
namespace {

using Words = std::vector<std::u32string>;

/// string.punctuation.
bool is_ascii_punctuation(char32_t c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

bool is_article(std::u32string_view word) { return word == U"a" || word == U"an" || word == U"the"; }

double f1(Words gold, Words predicted, bool version2) {
  if (version2 && (gold.empty() || predicted.empty())) return gold.empty() == predicted.empty();
  std::sort(gold.begin(), gold.end());
  std::sort(predicted.begin(), predicted.end());
  Words both;
  std::set_intersection(gold.begin(), gold.end(), predicted.begin(), predicted.end(),
                        std::back_inserter(both));
  if (both.empty()) return 0;
  const double same = static_cast<double>(both.size());
  const double precision = same / static_cast<double>(predicted.size());
  const double recall = same / static_cast<double>(gold.size());
  return 2 * precision * recall / (precision + recall);
}

struct AnswerScore {
  double exact = 0, f1 = 0;
};

/// The best over the golds. By the script of 2.0 golds without a word don't count, and a question without
/// golds has the gold "".
AnswerScore score(const SquadPrediction& prediction, bool version2) {
  AnswerScore best;
  if (prediction.missing) return best;
  const Words predicted = answer_words(prediction.text);
  std::vector<Words> golds;
  for (const std::string& gold : prediction.golds) {
    golds.push_back(answer_words(gold));
    if (version2 && golds.back().empty()) golds.pop_back();
  }
  if (version2 && golds.empty()) golds.emplace_back();
  for (const Words& gold : golds) {
    best.exact = std::max(best.exact, gold == predicted ? 1.0 : 0.0);
    best.f1 = std::max(best.f1, f1(gold, predicted, version2));
  }
  return best;
}

bool has_answer(const SquadPrediction& prediction) { return !prediction.golds.empty(); }

struct Best {
  double score = 0, threshold = 0;
};

/// At first all questions are predicted to have no answer; then, in ascending order of their odds of none,
/// one after the other gets its own.
Best find_best(std::span<const SquadPrediction> predictions, std::span<const AnswerScore> scores,
               double AnswerScore::*which) {
  std::vector<size_t> order(predictions.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return predictions[a].no_answer < predictions[b].no_answer; });
  double now = 0;
  for (const SquadPrediction& p : predictions) now += !has_answer(p);
  Best best{now, 0};
  for (const size_t i : order) {
    if (has_answer(predictions[i])) {
      now += scores[i].*which;
    } else if (!predictions[i].text.empty()) {
      now -= 1;
    }
    if (now > best.score) best = {now, predictions[i].no_answer};
  }
  return best;
}

double percent(double sum, size_t count) { return count ? 100 * sum / static_cast<double>(count) : 0; }

void append_means(Metrics& out, const std::string& prefix, std::span<const AnswerScore> scores) {
  AnswerScore sum;
  for (const AnswerScore& s : scores) {
    sum.exact += s.exact;
    sum.f1 += s.f1;
  }
  out.emplace_back(prefix + "exact", percent(sum.exact, scores.size()));
  out.emplace_back(prefix + "f1", percent(sum.f1, scores.size()));
  out.emplace_back(prefix + "total", static_cast<double>(scores.size()));
}

}  // namespace

std::vector<std::u32string> answer_words(std::string_view text) {
  std::u32string kept;
  for (const char32_t c : python_lowercase(to_code_points(text)))
    if (!is_ascii_punctuation(c)) kept.push_back(c);
  std::u32string spaced;
  for (size_t i = 0; i < kept.size();) {
    size_t end = i;
    while (end < kept.size() && is_python_word(kept[end])) ++end;
    if (end == i) ++end;  // no word: one character as it is
    const std::u32string_view run(kept.data() + i, end - i);
    if (is_article(run)) {
      spaced.push_back(U' ');
    } else {
      spaced += run;
    }
    i = end;
  }
  Words words(1);
  for (const char32_t c : spaced) {
    if (!is_python_space(c)) {
      words.back().push_back(c);
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

Metrics squad_metrics(std::span<const SquadPrediction> predictions, bool version2, double threshold) {
  std::vector<AnswerScore> raw, all, with, without;
  for (const SquadPrediction& prediction : predictions) {
    raw.push_back(score(prediction, version2));
    AnswerScore final_score = raw.back();
    if (version2 && !prediction.missing && prediction.no_answer > threshold) {
      const double right = !has_answer(prediction);
      final_score = {right, right};
    }
    all.push_back(final_score);
    (has_answer(prediction) ? with : without).push_back(final_score);
  }
  Metrics out;
  append_means(out, "", all);
  if (!version2) return out;
  if (!with.empty()) append_means(out, "HasAns_", with);
  if (!without.empty()) append_means(out, "NoAns_", without);
  const Best exact = find_best(predictions, raw, &AnswerScore::exact);
  const Best f1 = find_best(predictions, raw, &AnswerScore::f1);
  out.emplace_back("best_exact", percent(exact.score, predictions.size()));
  out.emplace_back("best_exact_thresh", exact.threshold);
  out.emplace_back("best_f1", percent(f1.score, predictions.size()));
  out.emplace_back("best_f1_thresh", f1.threshold);
  return out;
}

}  // namespace roberta
