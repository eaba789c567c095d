#include "api/options/fingerprint.h"

namespace roberta {

void Fingerprint::erase(std::string_view name) {
  std::erase_if(rows_, [&](const auto& row) { return row.second.first == name; });
}

OptionList Fingerprint::list() const {
  OptionList list;
  for (const auto& [order, row] : rows_) list.push_back(row);
  return list;
}

}  // namespace roberta
