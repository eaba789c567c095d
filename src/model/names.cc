#include "model/names.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/error.h"

namespace roberta {

namespace {

struct HeadRow {
  HeadKind head;
  const char* architecture;
};
constexpr std::array<HeadRow, 6> kHeads = {{
    {HeadKind::kNone, "RobertaModel"},
    {HeadKind::kMaskedLm, "RobertaForMaskedLM"},
    {HeadKind::kSequenceClassification, "RobertaForSequenceClassification"},
    {HeadKind::kTokenClassification, "RobertaForTokenClassification"},
    {HeadKind::kQuestionAnswering, "RobertaForQuestionAnswering"},
    {HeadKind::kMultipleChoice, "RobertaForMultipleChoice"},
}};

// Encoder parts and those of heads, as the canonical names begin.
constexpr std::array<std::string_view, 3> kEncoderParts = {"embeddings.", "encoder.", "pooler."};
constexpr std::array<std::string_view, 4> kSpareParts = {"pooler.", "lm_head.", "classifier.", "qa_outputs."};

struct SpecList {
  std::vector<TensorSpec> specs;

  void add(std::string name, std::vector<int64_t> shape, bool required = true) {
    specs.push_back({std::move(name), std::move(shape), required});
  }
  void linear(const std::string& name, int64_t out, int64_t in, bool required = true) {
    add(name + ".weight", {out, in}, required);
    add(name + ".bias", {out}, required);
  }
  void norm(const std::string& name, int64_t width) {
    add(name + ".weight", {width});
    add(name + ".bias", {width});
  }
};

void add_layer(SpecList& list, const std::string& layer, int64_t width, int64_t inner) {
  for (const char* part : {"query", "key", "value"})
    list.linear(layer + "attention.self." + part, width, width);
  list.linear(layer + "attention.output.dense", width, width);
  list.norm(layer + "attention.output.LayerNorm", width);
  list.linear(layer + "intermediate.dense", inner, width);
  list.linear(layer + "output.dense", width, inner);
  list.norm(layer + "output.LayerNorm", width);
}

void add_head(SpecList& list, const RobertaConfig& config, HeadKind head) {
  const int64_t width = config.hidden_size;
  const int64_t labels = config.id2label.empty() ? 2 : static_cast<int64_t>(config.id2label.size());
  switch (head) {
    case HeadKind::kNone:
      return;
    case HeadKind::kMaskedLm:
      list.linear("lm_head.dense", width, width);
      list.norm("lm_head.layer_norm", width);
      list.add("lm_head.bias", {config.vocab_size});
      if (!config.tie_word_embeddings) {
        list.add("lm_head.decoder.weight", {config.vocab_size, width});
        list.add("lm_head.decoder.bias", {config.vocab_size}, false);
      }
      return;
    case HeadKind::kSequenceClassification:
      list.linear("classifier.dense", width, width);
      list.linear("classifier.out_proj", labels, width);
      return;
    case HeadKind::kTokenClassification:
      return list.linear("classifier", labels, width);
    case HeadKind::kQuestionAnswering:
      return list.linear("qa_outputs", 2, width);
    case HeadKind::kMultipleChoice:
      return list.linear("classifier", 1, width);
  }
}

// A dimension that comes from the labels, not from the encoder's sizes: there the config's list is the likely
// culprit.
const char* hint_for(std::string_view name) {
  return name.starts_with("classifier") ? " (does id2label of config.json fit?)" : "";
}

template <class Parts>
bool starts_with_any(std::string_view name, const Parts& parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return name.starts_with(part); });
}

}  // namespace

HeadKind head_of_architecture(std::string_view architecture) {
  for (const HeadRow& row : kHeads) {
    if (architecture == row.architecture) return row.head;
  }
  return HeadKind::kNone;
}

const char* architecture_of_head(HeadKind head) { return kHeads[static_cast<size_t>(head)].architecture; }

HeadKind find_head(const RobertaConfig& config, const Checkpoint& checkpoint) {
  for (const std::string& name : config.architectures) {
    for (const HeadRow& row : kHeads) {
      if (name == row.architecture) return row.head;
    }
  }
  if (checkpoint.find("lm_head.dense.weight")) return HeadKind::kMaskedLm;
  if (checkpoint.find("classifier.out_proj.weight")) return HeadKind::kSequenceClassification;
  if (checkpoint.find("classifier.weight")) return HeadKind::kTokenClassification;
  if (checkpoint.find("qa_outputs.weight")) return HeadKind::kQuestionAnswering;
  return HeadKind::kNone;
}

std::vector<TensorSpec> expected_tensors(const RobertaConfig& config, HeadKind head) {
  const int64_t width = config.hidden_size;
  SpecList list;
  list.add("embeddings.word_embeddings.weight", {config.vocab_size, width});
  list.add("embeddings.position_embeddings.weight", {config.max_position_embeddings, width});
  list.add("embeddings.token_type_embeddings.weight", {config.type_vocab_size, width}, false);
  list.norm("embeddings.LayerNorm", width);
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    add_layer(list, "encoder.layer." + std::to_string(i) + ".", width, config.intermediate_size);
  }
  if (head == HeadKind::kNone || head == HeadKind::kMultipleChoice) {
    list.linear("pooler.dense", width, width, head == HeadKind::kMultipleChoice);
  }
  add_head(list, config, head);
  return std::move(list.specs);
}

std::string file_name_of(std::string_view canonical_name, HeadKind head) {
  const bool prefix = head != HeadKind::kNone && starts_with_any(canonical_name, kEncoderParts);
  return (prefix ? "roberta." : "") + std::string(canonical_name);
}

std::string canonical_name_of(std::string_view file_name) {
  if (file_name.starts_with("roberta.")) file_name.remove_prefix(8);
  std::string name(file_name);
  if (name.ends_with("LayerNorm.gamma") || name.ends_with("layer_norm.gamma"))
    name.replace(name.size() - 5, 5, "weight");
  if (name.ends_with("LayerNorm.beta") || name.ends_with("layer_norm.beta"))
    name.replace(name.size() - 4, 4, "bias");
  return name;
}

std::string shape_text(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

namespace {

/// Whether two stored tensors hold the same bytes. 256 rows at a time.
bool same_numbers(const Checkpoint& checkpoint, const Checkpoint::Tensor& x, const Checkpoint::Tensor& y) {
  if (x.shape != y.shape || x.dtype != y.dtype || x.shape.empty()) return false;
  int64_t row = size_of(x.dtype);
  for (size_t d = 1; d < x.shape.size(); ++d) row *= x.shape[d];
  std::vector<std::byte> a, b;
  constexpr int64_t kRows = 256;
  for (int64_t begin = 0; begin < x.shape[0]; begin += kRows) {
    const int64_t count = std::min(kRows, x.shape[0] - begin);
    a.resize(static_cast<size_t>(count * row));
    b.resize(a.size());
    checkpoint.read_rows(x, begin, count, a);
    checkpoint.read_rows(y, begin, count, b);
    if (a != b) return false;
  }
  return true;
}

}  // namespace

bool has_tied_decoder(const RobertaConfig& config, const Checkpoint& checkpoint) {
  const Checkpoint::Tensor* word = checkpoint.find("embeddings.word_embeddings.weight");
  const Checkpoint::Tensor* decoder = checkpoint.find("lm_head.decoder.weight");
  if (!config.tie_word_embeddings || !word || !decoder) return config.tie_word_embeddings;
  return same_numbers(checkpoint, *word, *decoder);
}

bool has_own_decoder_bias(const Checkpoint& checkpoint) {
  const Checkpoint::Tensor* shared = checkpoint.find("lm_head.bias");
  const Checkpoint::Tensor* own = checkpoint.find("lm_head.decoder.bias");
  return shared && own && !same_numbers(checkpoint, *shared, *own);
}

TensorCheck check_tensors(const Checkpoint& checkpoint, const RobertaConfig& config, HeadKind head,
                          std::span<const std::string> elsewhere) {
  TensorCheck check;
  std::set<std::string, std::less<>> expected;
  std::vector<TensorSpec> specs = expected_tensors(config, head);
  if (head == HeadKind::kMaskedLm && config.tie_word_embeddings && has_own_decoder_bias(checkpoint)) {
    specs.push_back({"lm_head.decoder.bias", {config.vocab_size}, true});
  }
  for (const TensorSpec& spec : specs) {
    expected.insert(spec.name);
    const Checkpoint::Tensor* tensor = checkpoint.find(spec.name);
    if (std::find(elsewhere.begin(), elsewhere.end(), spec.name) != elsewhere.end()) {
      check.report.found.push_back(spec.name);
    } else if (!tensor) {
      (spec.required ? check.absent : check.report.missing).push_back(spec.name);
    } else if (tensor->shape != spec.shape) {
      check.mismatch.push_back(concat(spec.name, ": has shape ", shape_text(tensor->shape),
                                      ", config.json asks for ", shape_text(spec.shape),
                                      hint_for(spec.name)));
    } else if (tensor->dtype != DType::kF32 && tensor->dtype != DType::kF16 &&
               tensor->dtype != DType::kBF16) {
      check.mismatch.push_back(concat(spec.name, ": is neither F32 nor F16 nor BF16"));
    } else {
      check.report.found.push_back(spec.name);
    }
  }
  if (head == HeadKind::kMaskedLm) {
    for (const char* name : {"lm_head.decoder.weight", "lm_head.decoder.bias"}) {
      if (expected.insert(name).second) check.report.tied.push_back(name);
    }
  }
  for (const Checkpoint::Tensor& tensor : checkpoint.tensors()) {
    if (expected.contains(tensor.name)) continue;
    const bool known = tensor.name.ends_with("position_ids") || starts_with_any(tensor.name, kSpareParts);
    (known ? check.report.ignored : check.report.unknown).push_back(tensor.file_name);
  }
  return check;
}

LoadReport require_tensors(const Checkpoint& checkpoint, const RobertaConfig& config, HeadKind head,
                           std::span<const std::string> elsewhere) {
  TensorCheck check = check_tensors(checkpoint, config, head, elsewhere);
  const std::string at = "[checkpoint] " + checkpoint.directory().string() + ": ";
  if (!check.absent.empty()) {
    fail(ErrorCode::kModel, at, "missing tensor '", check.absent.front(), "', which ",
         architecture_of_head(head), " needs",
         check.absent.size() > 1 ? concat(" (and ", check.absent.size() - 1, " more)") : "");
  }
  if (!check.mismatch.empty()) fail(ErrorCode::kModel, at, "tensor ", check.mismatch.front());
  return std::move(check.report);
}

}  // namespace roberta
