#include "tasks/datasets/label_names.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/nearest.h"
#include "core/strings.h"

namespace roberta {

std::optional<double> number_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

LabelNames::LabelNames(std::vector<std::string> given) : collects_(given.empty()), names_(std::move(given)) {
  for (size_t i = 0; i < names_.size(); ++i) {
    if (!index_.emplace(names_[i], static_cast<int32_t>(i)).second)
      fail(ErrorCode::kUsage, "[data] label '", printable(names_[i], 60), "' is given twice");
  }
}

std::optional<int32_t> LabelNames::index(std::string_view name) {
  const auto found = index_.find(name);
  if (found != index_.end()) return found->second;
  if (!collects_) return std::nullopt;
  const auto next = static_cast<int32_t>(names_.size());
  names_.emplace_back(name);
  index_.emplace(name, next);
  return next;
}

std::string LabelNames::hint(std::string_view unknown) const {
  return "the labels are " + quoted_names(names_) + did_you_mean(unknown, names_);
}

std::vector<std::string> LabelNames::finish(std::vector<int32_t>& order) && {
  std::vector<int32_t> sorted(names_.size());  // by new index: the old one
  std::iota(sorted.begin(), sorted.end(), 0);
  if (collects_) {
    std::vector<std::optional<double>> values;
    for (const std::string& name : names_) values.push_back(number_of(name));
    const bool numbers =
        std::all_of(values.begin(), values.end(), [](const auto& v) { return v.has_value(); });
    std::sort(sorted.begin(), sorted.end(), [&](int32_t a, int32_t b) {
      const auto i = static_cast<size_t>(a), k = static_cast<size_t>(b);
      if (numbers && *values[i] != *values[k]) return *values[i] < *values[k];
      return names_[i] < names_[k];
    });
  }
  order.resize(names_.size());
  std::vector<std::string> names(names_.size());
  for (size_t i = 0; i < sorted.size(); ++i) {
    const auto old = static_cast<size_t>(sorted[i]);
    order[old] = static_cast<int32_t>(i);
    names[i] = std::move(names_[old]);
  }
  return names;
}

}  // namespace roberta
