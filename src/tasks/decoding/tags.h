#pragma once
// Tags of chunks: "O", "B-person", "I-person". IOB2 begins each chunk with B-; IOB1 only one that follows
// another of its type without a gap.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "roberta/tag_scheme.h"

namespace roberta {

/// Of "auto", "iob1", "iob2", "none"; otherwise Error(kUsage).
TagScheme tag_scheme(std::string_view name);

struct TagMistake {
  size_t word;
  std::string why;
};
/// Turns a sentence's tags into IOB2 and counts those that were rewritten. The first mistake, if there is
/// one.
std::optional<TagMistake> to_iob2(std::vector<std::string>& tags, TagScheme scheme, int64_t& converted);

/// "O", then B- and I- of each type, sorted by type. Of kNone: the tags, sorted, "O" first if it is among
/// them.
std::vector<std::string> labels_of_tags(const std::vector<std::string>& tags, TagScheme scheme);

}  // namespace roberta
