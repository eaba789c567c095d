#pragma once
// The names of the enums among the options: what the program reads, and what files keep.

#include <span>
#include <string>
#include <string_view>

#include "roberta/finetune.h"
#include "roberta/pretrain.h"

namespace roberta {

template <class Enum>
struct EnumName {
  Enum value;
  std::string_view name;     ///< canonical
  std::string_view aliases;  ///< other spellings, each after '='
  std::string_view stored;   ///< in the run's fingerprint; "": `name`
};

/// Each value with its names, in the order of help.
std::span<const EnumName<Packing>> names_of(Packing);
std::span<const EnumName<OptimizerType>> names_of(OptimizerType);
std::span<const EnumName<LrScheduler>> names_of(LrScheduler);
std::span<const EnumName<Distributed>> names_of(Distributed);
std::span<const EnumName<OnNan>> names_of(OnNan);
std::span<const EnumName<Precision>> names_of(Precision);
std::span<const EnumName<Problem>> names_of(Problem);
std::span<const EnumName<TagScheme>> names_of(TagScheme);
std::span<const EnumName<AnswerOffsets>> names_of(AnswerOffsets);
std::span<const EnumName<EvalStrategy>> names_of(EvalStrategy);

template <class Enum>
const EnumName<Enum>& find_name(Enum value) {
  const std::span<const EnumName<Enum>> all = names_of(value);
  for (const EnumName<Enum>& one : all)
    if (one.value == value) return one;
  return all.front();
}
/// Canonical.
template <class Enum>
std::string enum_name(Enum value) {
  return std::string(find_name(value).name);
}
/// "float32=f32=fp32|bfloat16=bf16": all values with their spellings.
template <class Enum>
std::string enum_choices(Enum any) {
  std::string out;
  for (const EnumName<Enum>& one : names_of(any)) {
    if (!out.empty()) out += '|';
    out += one.name;
    out += one.aliases;
  }
  return out;
}

}  // namespace roberta
