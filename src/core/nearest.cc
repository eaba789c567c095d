#include "core/nearest.h"

#include <algorithm>
#include <vector>

namespace roberta {

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

std::string did_you_mean(std::string_view given, std::span<const std::string> names,
                         std::string_view prefix) {
  if (given.size() > 64) return "";
  const std::string* best = nullptr;
  int best_distance = 1 + static_cast<int>(given.size()) / 3;  // a third of the letters may be wrong
  for (const std::string& name : names) {
    int distance = edit_distance(given, name);
    // The beginning of a name is near too ("token" for "tokenize").
    if (given.size() >= 3 && name.starts_with(given)) distance = std::min(distance, 1);
    if (distance < best_distance || (!best && distance == best_distance))
      best = &name, best_distance = distance;
  }
  return best ? ", did you mean '" + std::string(prefix) + *best + "'?" : "";
}

}  // namespace roberta
