#include "tasks/datasets/crows_pairs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <unordered_map>

#include "core/error.h"
#include "tasks/readers/table.h"

namespace roberta {
namespace {

struct Block {
  int32_t a, b, size;
};

/// difflib.SequenceMatcher without a function for junk. Of equally long blocks it prefers the one that begins
/// first in a, then in b.
class SequenceMatcher {
 public:
  SequenceMatcher(std::span<const int32_t> a, std::span<const int32_t> b, bool autojunk) : a_(a), b_(b) {
    for (size_t j = 0; j < b.size(); ++j) positions_[b[j]].push_back(static_cast<int32_t>(j));
    if (!autojunk || b.size() < 200) return;
    std::erase_if(positions_, [&](const auto& entry) { return entry.second.size() > b.size() / 100 + 1; });
  }

  /// In order; none is empty.
  std::vector<Block> blocks() const {
    struct Range {
      int32_t a_low, a_high, b_low, b_high;
    };
    std::vector<Range> waiting = {{0, static_cast<int32_t>(a_.size()), 0, static_cast<int32_t>(b_.size())}};
    std::vector<Block> found;
    while (!waiting.empty()) {
      const Range r = waiting.back();
      waiting.pop_back();
      const Block block = longest(r.a_low, r.a_high, r.b_low, r.b_high);
      if (block.size == 0) continue;
      found.push_back(block);
      if (r.a_low < block.a && r.b_low < block.b) waiting.push_back({r.a_low, block.a, r.b_low, block.b});
      const int32_t a = block.a + block.size, b = block.b + block.size;
      if (a < r.a_high && b < r.b_high) waiting.push_back({a, r.a_high, b, r.b_high});
    }
    std::sort(found.begin(), found.end(), [](const Block& x, const Block& y) { return x.a < y.a; });
    return found;
  }

 private:
  bool same(int32_t i, int32_t j) const { return a_[static_cast<size_t>(i)] == b_[static_cast<size_t>(j)]; }

  Block longest(int32_t a_low, int32_t a_high, int32_t b_low, int32_t b_high) const {
    Block best{a_low, b_low, 0};
    std::unordered_map<int32_t, int32_t> lengths;  // of the matches that end at (i - 1, j), by j
    for (int32_t i = a_low; i < a_high; ++i) {
      std::unordered_map<int32_t, int32_t> next;
      const auto at = positions_.find(a_[static_cast<size_t>(i)]);
      if (at != positions_.end()) {
        for (const int32_t j : at->second) {
          if (j < b_low) continue;
          if (j >= b_high) break;
          const auto before = lengths.find(j - 1);
          const int32_t size = (before == lengths.end() ? 0 : before->second) + 1;
          next[j] = size;
          if (size > best.size) best = {i - size + 1, j - size + 1, size};
        }
      }
      lengths = std::move(next);
    }
    // Tokens that were left out as too frequent may still lengthen a match.
    while (best.a > a_low && best.b > b_low && same(best.a - 1, best.b - 1)) --best.a, --best.b, ++best.size;
    while (best.a + best.size < a_high && best.b + best.size < b_high &&
           same(best.a + best.size, best.b + best.size))
      ++best.size;
    return best;
  }

  std::span<const int32_t> a_, b_;
  std::unordered_map<int32_t, std::vector<int32_t>> positions_;  // in b, ascending
};

std::string need_text(const Json& value, const char* column, const std::string& location) {
  if (!value.is_string() || value.get<std::string>().empty())
    fail(ErrorCode::kInput, "[crows-pairs] ", location, ": column '", column, "' has no text");
  return value.get<std::string>();
}

void add_pair(CrowsPairsCount& count, double more, double less) {
  ++count.pairs;
  count.more += more > less;
  count.neutral += more == less;
}

}  // namespace

CrowsPairs read_crows_pairs(const std::filesystem::path& file, int64_t limit) {
  const InputText input = input_text(file, read_input_file(file));
  const auto rows = open_table(input, {.guess = false, .quotes = Quotes::kAll},
                               {{.names = {"sent_more"}},
                                {.names = {"sent_less"}},
                                {.names = {"stereo_antistereo"}},
                                {.names = {"bias_type"}}});
  CrowsPairs out;
  std::vector<std::string> types;
  std::vector<Json> row;
  while ((limit == 0 || static_cast<int64_t>(out.pairs.size()) < limit) && rows->next(row)) {
    const std::string location = rows->location();
    CrowsPair pair{need_text(row[0], "sent_more", location), need_text(row[1], "sent_less", location), true,
                   0};
    const std::string direction = need_text(row[2], "stereo_antistereo", location);
    if (direction != "stereo" && direction != "antistereo") {
      fail(ErrorCode::kInput, "[crows-pairs] ", location,
           ": column 'stereo_antistereo': expected stereo or antistereo, got '", direction, "'");
    }
    pair.stereo = direction == "stereo";
    types.push_back(need_text(row[3], "bias_type", location));
    out.pairs.push_back(std::move(pair));
  }
  if (out.pairs.empty()) fail(ErrorCode::kInput, "[crows-pairs] ", file.string(), ": no pairs");
  out.categories = types;
  std::sort(out.categories.begin(), out.categories.end());
  out.categories.erase(std::unique(out.categories.begin(), out.categories.end()), out.categories.end());
  for (size_t i = 0; i < types.size(); ++i) {
    const auto at = std::lower_bound(out.categories.begin(), out.categories.end(), types[i]);
    out.pairs[i].category = static_cast<size_t>(at - out.categories.begin());
  }
  return out;
}

std::vector<std::pair<int32_t, int32_t>> shared_tokens(std::span<const int32_t> a, std::span<const int32_t> b,
                                                       bool autojunk) {
  std::vector<std::pair<int32_t, int32_t>> out;
  for (const Block& block : SequenceMatcher(a, b, autojunk).blocks())
    for (int32_t i = 0; i < block.size; ++i) out.emplace_back(block.a + i, block.b + i);
  return out;
}

double round_score(double score) {
  if (!std::isfinite(score)) return score;
  std::array<char, 400> text;  // the longest double has 309 digits before the point
  const auto end = std::to_chars(text.data(), text.data() + text.size(), score, std::chars_format::fixed, 3);
  double rounded = 0;
  std::from_chars(text.data(), end.ptr, rounded);
  return rounded;
}

CrowsPairsEvaluation count_crows_pairs(const CrowsPairs& data, std::span<const double> more,
                                       std::span<const double> less) {
  CrowsPairsEvaluation out;
  out.overall.name = "overall";
  out.stereo.name = "stereo";
  out.antistereo.name = "antistereo";
  for (const std::string& category : data.categories) out.categories.push_back({category});
  for (size_t i = 0; i < data.pairs.size(); ++i) {
    const CrowsPair& pair = data.pairs[i];
    for (CrowsPairsCount* count :
         {&out.overall, pair.stereo ? &out.stereo : &out.antistereo, &out.categories[pair.category]})
      add_pair(*count, more[i], less[i]);
  }
  for (CrowsPairsCount* direction : {&out.stereo, &out.antistereo}) direction->pairs -= direction->neutral;
  return out;
}

}  // namespace roberta
