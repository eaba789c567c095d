#pragma once
// The run fingerprint: all options that affect the result, by name and value. A checkpoint keeps it, and a
// run resumes only if it is the same.

#include <map>
#include <string>

#include "api/options/option_value.h"
#include "train/state.h"

namespace roberta {

class Fingerprint {
 public:
  /// Of all options that are in it, with the values that they have after defaults are resolved.
  template <class Options>
  explicit Fingerprint(const Options& options) {
    visit_options(options, *this);
  }
  void set(int order, const std::string& name, const std::string& value) { rows_[order] = {name, value}; }
  /// An option that this run does not use.
  void erase(std::string_view name);
  OptionList list() const;

  void group(std::string_view) {}
  template <class Field>
  void operator()(const OptionInfo& info, const Field& field) {
    if (info.fingerprint == 0) return;
    set(info.fingerprint,
        info.fingerprint_name.empty() ? snake_case(info.name) : std::string(info.fingerprint_name),
        stored_text(field));
  }

 private:
  std::map<int, std::pair<std::string, std::string>> rows_;  // by their order
};

}  // namespace roberta
