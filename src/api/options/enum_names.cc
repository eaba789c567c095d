#include "api/options/enum_names.h"

#include <algorithm>

#include "api/options/option_info.h"

namespace roberta {
namespace {

constexpr EnumName<Packing> kPackings[] = {{Packing::kNone, "none", "", ""},
                                           {Packing::kComplete, "complete", "", ""},
                                           {Packing::kCompleteDoc, "complete-doc", "=complete_doc", ""}};
constexpr EnumName<OptimizerType> kOptimizers[] = {
    {OptimizerType::kAdam, "adam", "=fairseq", "fairseq"},
    {OptimizerType::kAdamW, "adamw", "=torch=adamw_torch=adamw_torch_fused", "torch"}};
constexpr EnumName<LrScheduler> kSchedulers[] = {{LrScheduler::kLinear, "linear", "", ""},
                                                 {LrScheduler::kPolynomial, "polynomial", "", ""},
                                                 {LrScheduler::kCosine, "cosine", "", ""},
                                                 {LrScheduler::kConstant, "constant", "", ""}};
constexpr EnumName<Distributed> kDistributed[] = {{Distributed::kAuto, "auto", "", ""},
                                                  {Distributed::kLocal, "local", "", ""},
                                                  {Distributed::kMpi, "mpi", "", ""}};
constexpr EnumName<OnNan> kOnNan[] = {{OnNan::kSkip, "skip", "", ""}, {OnNan::kStop, "stop", "", ""}};
constexpr EnumName<Precision> kPrecisions[] = {{Precision::kF32, "float32", "=f32=fp32", ""},
                                               {Precision::kBF16, "bfloat16", "=bf16", ""}};
constexpr EnumName<Problem> kProblems[] = {{Problem::kAuto, "auto", "", ""},
                                           {Problem::kSingleLabel, "single-label", "=single_label", ""},
                                           {Problem::kMultiLabel, "multi-label", "=multi_label", ""},
                                           {Problem::kRegression, "regression", "", ""}};
constexpr EnumName<TagScheme> kTagSchemes[] = {{TagScheme::kAuto, "auto", "", ""},
                                               {TagScheme::kIob1, "iob1", "", ""},
                                               {TagScheme::kIob2, "iob2", "", ""},
                                               {TagScheme::kNone, "none", "", ""}};
constexpr EnumName<AnswerOffsets> kAnswerOffsets[] = {{AnswerOffsets::kRepair, "repair", "", ""},
                                                      {AnswerOffsets::kError, "error", "", ""}};
constexpr EnumName<EvalStrategy> kEvalStrategies[] = {{EvalStrategy::kNo, "no", "", ""},
                                                      {EvalStrategy::kEpoch, "epoch", "", ""},
                                                      {EvalStrategy::kSteps, "steps", "", ""}};

}  // namespace

std::span<const EnumName<Packing>> names_of(Packing) { return kPackings; }
std::span<const EnumName<OptimizerType>> names_of(OptimizerType) { return kOptimizers; }
std::span<const EnumName<LrScheduler>> names_of(LrScheduler) { return kSchedulers; }
std::span<const EnumName<Distributed>> names_of(Distributed) { return kDistributed; }
std::span<const EnumName<OnNan>> names_of(OnNan) { return kOnNan; }
std::span<const EnumName<Precision>> names_of(Precision) { return kPrecisions; }
std::span<const EnumName<Problem>> names_of(Problem) { return kProblems; }
std::span<const EnumName<TagScheme>> names_of(TagScheme) { return kTagSchemes; }
std::span<const EnumName<AnswerOffsets>> names_of(AnswerOffsets) { return kAnswerOffsets; }
std::span<const EnumName<EvalStrategy>> names_of(EvalStrategy) { return kEvalStrategies; }

std::string snake_case(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

}  // namespace roberta
