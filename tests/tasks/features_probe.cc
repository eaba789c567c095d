// Not a test: tools/parity/features_parity.py asks it for the features of whole data sets.
//   features_probe squad TOKENIZER_DIR FILE MAX_LENGTH STRIDE
//   features_probe tags  TOKENIZER_DIR FILE MAX_LENGTH LABEL_ALL
// One JSON array a line.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>

#include "tasks/features.h"

namespace roberta {
namespace {

void print(const nlohmann::json& row) { std::printf("%s\n", row.dump().c_str()); }

void squad(const Tokenizer& tokenizer, const char* file, const SpanFeatureOptions& options) {
  const SquadData data = read_squad(file, {});
  for (const SpanFeature& feature : span_features(tokenizer, data, options, 0)) {
    std::vector<uint32_t> offsets;
    for (const Offset offset : feature.offsets) offsets.insert(offsets.end(), {offset.begin, offset.end});
    print({data.questions[feature.example].id, feature.ids, feature.context_begin, offsets, feature.targets,
           feature.best});
  }
}

void tags(const Tokenizer& tokenizer, const char* file, int64_t max_length, bool label_all) {
  const TokenData data = read_token_data(file, {});
  for (const TokenFeature& feature : token_features(tokenizer, data, max_length, label_all, 0))
    print({feature.example, feature.ids, feature.positions, feature.targets});
}

}  // namespace
}  // namespace roberta

int main(int argc, char** argv) {
  using namespace roberta;
  if (argc != 6) return 2;
  try {
    const Tokenizer tokenizer = Tokenizer::from_directory(argv[2]);
    const int64_t max_length = std::atoi(argv[4]), last = std::atoi(argv[5]);
    if (std::string(argv[1]) == "squad") {
      SpanFeatureOptions options;
      options.max_length = max_length;
      options.stride = last;
      squad(tokenizer, argv[3], options);
    } else {
      tags(tokenizer, argv[3], max_length, last != 0);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
