#pragma once
// CrowS-Pairs: reading the pairs, which tokens both sentences share, and counting. Follows the paper's
// metric.py.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "roberta/evaluate.h"

namespace roberta {

struct CrowsPair {
  std::string more, less;  ///< the more and the less stereotyping sentence
  bool stereo = true;      ///< the group that `more` is about is the historically disadvantaged one
  size_t category;         ///< index into CrowsPairs::categories
};
struct CrowsPairs {
  std::vector<std::string> categories;  ///< values of bias_type, sorted
  std::vector<CrowsPair> pairs;         ///< as in the file
};

/// The CSV of the paper: columns sent_more, sent_less, stereo_antistereo, bias_type. At most `limit` pairs;
/// 0: all. Error(kInput) names file, line and column.
CrowsPairs read_crows_pairs(const std::filesystem::path& file, int64_t limit);

/// Positions (in a, in b) of the tokens that both have in the same order: the 'equal' blocks of Python's
/// difflib.SequenceMatcher(None, a, b, autojunk), token by token. It is not symmetric.
std::vector<std::pair<int32_t, int32_t>> shared_tokens(std::span<const int32_t> a, std::span<const int32_t> b,
                                                       bool autojunk = true);

/// As Python's round(x, 3).
double round_score(double score);

/// more[i], less[i]: rounded scores of the sentences of pair i.
CrowsPairsEvaluation count_crows_pairs(const CrowsPairs& data, std::span<const double> more,
                                       std::span<const double> less);

}  // namespace roberta
