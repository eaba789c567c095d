#pragma once
// The names of labels: given, or collected from the data.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roberta {

/// `text` as a finite number; nullopt when it is anything else.
std::optional<double> number_of(std::string_view text);

class LabelNames {
 public:
  /// Empty: collected.
  explicit LabelNames(std::vector<std::string> given);

  bool collects() const { return collects_; }
  bool has(std::string_view name) const { return index_.find(name) != index_.end(); }
  /// Of an unknown name: a new index when labels are collected, otherwise nullopt.
  std::optional<int32_t> index(std::string_view name);
  /// "the labels are 'a', 'b', did you mean 'a'?"
  std::string hint(std::string_view unknown) const;
  /// The names by index, sorted where they were collected (numbers by value); `order` gets the new index of
  /// each old one.
  std::vector<std::string> finish(std::vector<int32_t>& order) &&;

 private:
  bool collects_;
  std::vector<std::string> names_;
  std::map<std::string, int32_t, std::less<>> index_;
};

}  // namespace roberta
