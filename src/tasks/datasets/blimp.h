#pragma once
// The minimal pairs of BLiMP: reading them, and counting by paradigm and phenomenon.

#include <filesystem>
#include <string>
#include <vector>

#include "roberta/evaluate.h"

namespace roberta {

struct BlimpPair {
  std::string good, bad;
  size_t paradigm;  ///< index into BlimpPairs::paradigms
};
struct BlimpPairs {
  std::vector<BlimpParadigm> paradigms;  ///< by phenomenon, then name; not counted yet
  std::vector<BlimpPair> pairs;          ///< in the order of the paradigms, within one as in the files
};

/// At most `limit` pairs of each paradigm, the first ones; 0: all. Error(kInput) names file, line and field.
BlimpPairs read_blimp(const std::filesystem::path& path, int64_t limit);

/// correct[i]: the model prefers the good sentence of pair i.
BlimpEvaluation count_blimp(const BlimpPairs& data, const std::vector<bool>& correct);

}  // namespace roberta
