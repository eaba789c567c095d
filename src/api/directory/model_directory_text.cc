// The two renderings of `roberta info`.
#include <algorithm>
#include <cstdio>

#include "core/strings.h"
#include "io/json/json.h"
#include "model/names.h"
#include "roberta/model_directory.h"

namespace roberta {

namespace {

constexpr size_t kNamesShown = 8;  // of each group of the load report, in text

std::string scaled(double value, double step, const char* const* units) {
  while (value >= step && units[1]) {
    value /= step;
    ++units;
  }
  char text[64];
  std::snprintf(text, sizeof text, "%.4g%s", value, *units);
  return text;
}
std::string human_bytes(uint64_t bytes) {
  static const char* const kUnits[] = {" bytes", " kB", " MB", " GB", " TB", nullptr};
  return scaled(static_cast<double>(bytes), 1000, kUnits);
}
std::string human_count(int64_t count) {
  static const char* const kUnits[] = {"", " thousand", " million", " billion", nullptr};
  return scaled(static_cast<double>(count), 1000, kUnits);
}

std::string with_commas(int64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string joined(const std::vector<std::string>& items, size_t show = ~size_t{0}) {
  std::string text;
  for (size_t i = 0; i < std::min(items.size(), show); ++i)
    text += (i ? ", " : "") + printable(items[i], 120);
  if (items.size() > show) text += ", ... (" + std::to_string(items.size() - show) + " more)";
  return text;
}

std::string line(const std::string& name, const std::string& value) {
  std::string text = name;
  text.resize(std::max<size_t>(text.size() + 1, 16), ' ');
  return text + value + "\n";
}

void add_group(std::string& text, const char* name, const std::vector<std::string>& tensors,
               bool show_names) {
  if (tensors.empty()) return;
  text += line(
      name, std::to_string(tensors.size()) + (show_names ? ": " + joined(tensors, kNamesShown) : " tensors"));
}

std::string one_digit(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string bias_lines(const CrowsPairsEvaluation& bias) {
  std::string text =
      line("bias", "CrowS-Pairs " + one_digit(bias.overall.score()) + " of " +
                       with_commas(bias.overall.pairs) + " pairs (50: no preference); stereo " +
                       one_digit(bias.stereo.score()) + ", antistereo " + one_digit(bias.antistereo.score()));
  std::string kinds;
  for (const CrowsPairsCount& count : bias.categories)
    kinds += (kinds.empty() ? "" : ", ") + printable(count.name, 40) + " " + one_digit(count.score());
  return kinds.empty() ? text : text + line("", kinds);
}

Json bias_json(const CrowsPairsEvaluation& bias) {
  const auto count = [](const CrowsPairsCount& c) {
    return Json{{"score", c.score()}, {"pairs", c.pairs}, {"more", c.more}, {"neutral", c.neutral}};
  };
  Json json = {{"data_set", "CrowS-Pairs"},
               {"overall", count(bias.overall)},
               {"stereo", count(bias.stereo)},
               {"antistereo", count(bias.antistereo)},
               {"categories", Json::object()}};
  for (const CrowsPairsCount& c : bias.categories) json["categories"][c.name] = count(c);
  return json;
}

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string to_json(const ModelDirectory& d) {
  Json json = {
      {"path", d.path},
      {"architecture", d.architecture},
      {"parameters", d.parameters},
      {"dtypes", d.dtypes},
      {"weight_files", d.weight_files},
      {"weight_bytes", d.weight_bytes},
      {"config",
       {{"vocab_size", d.vocab_size},
        {"hidden_size", d.hidden_size},
        {"layers", d.layers},
        {"heads", d.heads},
        {"intermediate_size", d.intermediate_size},
        {"max_length", d.max_length},
        {"type_vocab_size", d.type_vocab_size},
        {"layer_norm_eps", d.layer_norm_eps}}},
      {"tokenizer", nullptr},
      {"tasks", d.tasks},
      {"labels", d.labels},
      {"problem_type", d.problem_type.empty() ? Json(nullptr) : Json(d.problem_type)},
      {"embed",
       {{"sentence_transformers", d.sentence_transformers},
        {"pooling", nullptr},
        {"normalize", d.normalize}}},
      {"tensors",
       {{"found", d.found.size()},
        {"tied", d.tied},
        {"ignored", d.ignored},
        {"missing_optional", d.missing_optional},
        {"unknown", d.unknown}}},
      {"problems", d.problems},
      {"notes", d.notes},
  };
  if (d.bias) json["bias"] = bias_json(*d.bias);
  if (!d.pooling.empty()) json["embed"]["pooling"] = d.pooling;
  if (!d.tokenizer.empty()) {
    json["tokenizer"] = {{"kind", d.tokenizer},
                         {"size", d.tokenizer_size ? Json(*d.tokenizer_size) : Json(nullptr)}};
  }
  return dump(json);
}

std::string to_json(const SafetensorsFile& file) {
  Json json = {
      {"path", file.path}, {"bytes", file.bytes}, {"metadata", file.metadata}, {"tensors", Json::array()}};
  for (const StoredTensor& tensor : file.tensors) {
    json["tensors"].push_back(
        {{"name", tensor.name}, {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"bytes", tensor.bytes}});
  }
  return dump(json);
}

std::string to_text(const ModelDirectory& d) {
  std::string text = line("directory", printable(d.path));
  text += line("architecture", printable(d.architecture));
  text += line("parameters", with_commas(d.parameters) + " (" + human_count(d.parameters) + ")");
  std::string dtypes;
  for (const auto& [name, count] : d.dtypes)
    dtypes += (dtypes.empty() ? "" : ", ") + name + " (" + std::to_string(count) + " tensors)";
  text += line("dtype", dtypes);
  text += line("weights", joined(d.weight_files, 4) + ", " + human_bytes(d.weight_bytes));
  text += line("shape", std::to_string(d.layers) + " layers, width " + std::to_string(d.hidden_size) + ", " +
                            std::to_string(d.heads) + " heads, inner width " +
                            std::to_string(d.intermediate_size));
  text += line("input", "up to " + std::to_string(d.max_length) + " tokens of " + with_commas(d.vocab_size));
  std::string tokenizer = d.tokenizer.empty() ? "none" : d.tokenizer;
  if (d.tokenizer_size) tokenizer += ", " + with_commas(*d.tokenizer_size) + " entries";
  text += line("tokenizer", tokenizer);
  text += line("tasks", d.tasks.empty() ? "none" : joined(d.tasks));
  if (!d.labels.empty()) text += line("labels", joined(d.labels, 20));
  if (!d.problem_type.empty()) text += line("problem type", printable(d.problem_type));
  if (d.sentence_transformers && !d.pooling.empty()) {
    text +=
        line("embed", "sentence-transformers: pooling " + d.pooling + (d.normalize ? ", normalised" : ""));
  }
  if (d.bias) text += bias_lines(*d.bias);
  add_group(text, "found", d.found, false);
  add_group(text, "tied", d.tied, true);
  add_group(text, "ignored", d.ignored, true);
  add_group(text, "not there", d.missing_optional, true);
  add_group(text, "unknown", d.unknown, true);
  for (size_t i = 0; i < std::min(d.problems.size(), kNamesShown); ++i)
    text += line("PROBLEM", printable(d.problems[i], 400));
  if (d.problems.size() > kNamesShown)
    text += line("PROBLEM", std::to_string(d.problems.size() - kNamesShown) + " more");
  for (const std::string& note : d.notes) text += line("note", printable(note, 400));
  return text;
}

std::string to_text(const SafetensorsFile& file) {
  size_t name_width = 0, shape_width = 0;
  for (const StoredTensor& tensor : file.tensors) {
    name_width = std::min<size_t>(std::max(name_width, printable(tensor.name).size()), 80);
    shape_width = std::min<size_t>(std::max(shape_width, shape_text(tensor.shape).size()), 40);
  }
  std::string text;
  for (const StoredTensor& tensor : file.tensors) {
    std::string name = printable(tensor.name), dtype = tensor.dtype, shape = shape_text(tensor.shape);
    name.resize(std::max(name.size(), name_width), ' ');
    dtype.resize(std::max<size_t>(dtype.size(), 5), ' ');
    shape.resize(std::max(shape.size(), shape_width), ' ');
    text += name + "  " + dtype + "  " + shape + "  " + human_bytes(tensor.bytes) + "\n";
  }
  for (const auto& [key, value] : file.metadata)
    text += "metadata " + printable(key) + ": " + printable(value) + "\n";
  return text + std::to_string(file.tensors.size()) + " tensors, " + human_bytes(file.bytes) + " in " +
         printable(file.path) + "\n";
}

}  // namespace roberta
