#include "api/finetune/card.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "api/finetune/evaluation.h"
#include "core/error.h"
#include "core/strings.h"
#include "io/file.h"
#include "io/json/json.h"
#include "io/text_reader.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

/// Quoted as JSON, which YAML reads too.
std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// For a cell of a table.
std::string cell(std::string text) {
  for (char& c : text) c = c == '\n' || c == '\r' ? ' ' : c;
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, 1, '\\');
  return text;
}

/// "language:" in the model card of the model that the run began with: a line, or a list below it.
std::string language_of(const fs::path& model) {
  std::error_code ignored;
  const fs::path readme = model / "README.md";
  if (!fs::exists(readme, ignored)) return {};
  std::string out;
  try {
    TextReader reader(readme);
    bool head = false;
    for (std::string_view line; reader.next_line(line);) {
      if (line.starts_with("---")) {
        if (head) break;
        head = true;
        continue;
      }
      if (!head) break;
      if (line.starts_with("language:")) {
        out = std::string(line) + "\n";
      } else if (!out.empty()) {
        if (!line.starts_with("- ") && !line.starts_with(" ")) break;
        out += std::string(line) + "\n";
      }
    }
  } catch (const Error&) {
    return {};  // a model card is not part of the model
  }
  return out;
}

/// The last part of a path, which may end with a slash.
std::string base_name(const fs::path& path) {
  const fs::path whole = fs::absolute(path).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

std::string data_name(const FinetuneCard& card) {
  if (card.recipe.glue) return "GLUE " + card.recipe.glue->title;
  return base_name(card.recipe.options.data.empty() ? card.recipe.options.train_file
                                                    : card.recipe.options.data);
}

/// The evaluation of one seed; null if there is none.
const FinetuneEvaluation* evaluation_of_seed(const std::vector<FinetuneEvaluation>& all, uint64_t seed) {
  for (const FinetuneEvaluation& one : all) {
    if (one.seed == seed) return &one;
  }
  return nullptr;
}

/// Finite metrics. Those of single entity types are only in metrics.json.
std::vector<std::pair<std::string, double>> shown_metrics(const FinetuneEvaluation& evaluation) {
  std::vector<std::pair<std::string, double>> out;
  const auto is_of_type = [&](const std::string& name) {  // TYPE_number is another metric
    const size_t end = name.rfind('_');
    return end != std::string::npos && std::isfinite(value_of(evaluation, name.substr(0, end) + "_number"));
  };
  for (const auto& [name, value] : evaluation.metrics) {
    if (std::isfinite(value) && out.size() < 8 && !is_of_type(name)) out.emplace_back(name, value);
  }
  return out;
}

std::string head(const FinetuneCard& card) {
  const std::string_view pipeline = card.recipe.traits->name;
  std::string out = "---\n" + language_of(card.recipe.options.model);
  out += concat("pipeline_tag: ", pipeline, "\nlibrary_name: ", card.adapter ? "peft" : "transformers",
                "\ntags: [roberta, ", pipeline, card.adapter ? ", lora" : "", "]\n");
  if (card.recipe.glue) out += "datasets: [nyu-mll/glue]\n";
  const FinetuneEvaluation* dev = evaluation_of_seed(card.result.best, card.seed);
  if (!dev || dev->metrics.empty()) return out + "---\n";
  const auto metrics = shown_metrics(*dev);
  out += "metrics: [";
  for (size_t i = 0; i < metrics.size(); ++i) out += (i ? ", " : "") + metrics[i].first;
  out += concat("]\nmodel-index:\n- name: ", quoted(card.name),
                "\n  results:\n  - task:\n      type: ", pipeline,
                "\n    dataset:\n      name: ", quoted(data_name(card)),
                "\n      type: ", card.recipe.glue ? "nyu-mll/glue" : quoted(data_name(card)), "\n");
  if (card.recipe.glue) out += "      config: " + card.recipe.glue->name + "\n";
  out += "      split: validation\n    metrics:\n";
  for (const auto& [name, value] : metrics)
    out += concat("    - type: ", name, "\n      value: ", fixed(value, 6), "\n");
  return out + "---\n";
}

std::string results(const FinetuneCard& card) {
  std::string out;
  const auto table = [&](const char* title, const std::vector<FinetuneEvaluation>& all) {
    const FinetuneEvaluation* own = evaluation_of_seed(all, card.seed);
    if (!own || own->metrics.empty()) return;
    out += concat("\n| ", title, " | |\n|---|---|\n| loss | ", fixed(own->loss, 4), " |\n");
    for (const auto& [name, value] : shown_metrics(*own))
      out += concat("| ", cell(name), " | ", fixed(value, 4), " |\n");
  };
  table("dev", card.result.best);
  table("test", card.result.test);
  if (out.empty()) return {};
  out = "\n## Results\n" + out;
  if (!card.collapsed.empty())
    out +=
        concat("\n**Collapsed:** the model predicts '", cell(card.collapsed), "' for every dev example.\n");
  if (card.result.best.size() < 2) return out;
  out +=
      concat("\nOver ", card.result.best.size(), " seeds, ", card.result.primary_metric, " of dev: median ",
             fixed(card.result.median, 4), ", mean ", fixed(card.result.mean, 4), ", standard deviation ",
             fixed(card.result.deviation, 4), ". These weights are those of seed ", card.seed,
             ", the median.\n\n| seed | best step | ", card.result.primary_metric, " |\n|---|---|---|\n");
  for (const FinetuneEvaluation& one : card.result.best) {
    if (one.metrics.empty()) continue;
    out += concat("| ", one.seed, " | ", one.step, " | ", fixed(value_of(one, card.result.primary_metric), 4),
                  " |\n");
  }
  return out;
}

std::string curve(const FinetuneCard& card) {
  if (card.curve.points.empty()) return {};
  const std::string& primary_metric = card.result.primary_metric;
  std::string out = concat("\n## Course\n\n| step | epoch | training loss | dev loss | ", primary_metric,
                           " |\n|---|---|---|---|---|\n");
  for (const FinetuneCurve::Point& point : card.curve.points) {
    const FinetuneEvaluation& e = point.evaluation;
    out += concat("| ", e.step, " | ", fixed(e.epoch, 2), " | ",
                  point.training_loss ? fixed(*point.training_loss, 4) : "", " | ", fixed(e.loss, 4), " | ",
                  fixed(value_of(e, primary_metric), 4), e.best ? " best so far" : "", " |\n");
  }
  return out;
}

std::string usage(const FinetuneCard& card) {
  return concat(
      "\n```sh\nroberta ", card.recipe.traits->command, " --model ", card.name, "\n```\n",
      card.adapter
          ? "\nA LoRA adapter with the head that was trained with it; `roberta merge` merges it with its "
            "base.\n"
          : "\n`transformers` loads it as it is.\n");
}

Json json_of(const FinetuneEvaluation& evaluation) {
  Json metrics = Json::object();
  for (const auto& [name, value] : evaluation.metrics) metrics[name] = value;  // NaN: null
  return {{"seed", evaluation.seed},
          {"step", evaluation.step},
          {"epoch", evaluation.epoch},
          {"loss", evaluation.loss},
          {"metrics", metrics}};
}

}  // namespace

FinetuneCurve read_finetune_curve(const fs::path& log, uint64_t seed) {
  FinetuneCurve curve;
  std::error_code ignored;
  if (!fs::exists(log, ignored)) return curve;
  TextReader reader(log);
  double sum = 0;
  int64_t rows = 0;
  for (std::string_view line; reader.next_line(line);) {
    const Json row = Json::parse(line, nullptr, false);
    if (!row.is_object() || !row.contains("step") || !row["step"].is_number()) continue;
    const auto number = [&](const char* name) {
      return row.contains(name) && row[name].is_number() ? row[name].get<double>() : std::nan("");
    };
    if (row.contains("eval_loss")) {
      FinetuneCurve::Point point;
      FinetuneEvaluation& e = point.evaluation;
      e.seed = seed;
      e.step = row["step"].get<int64_t>();
      e.epoch = number("epoch");
      e.loss = number("eval_loss");
      e.best = row.value("best", false);
      e.seconds = number("eval_seconds");
      point.collapsed = row.value("collapsed", "");
      for (const auto& [name, value] : row.items()) {
        if (!name.starts_with("eval_") || name == "eval_loss" || name == "eval_seconds") continue;
        e.metrics.emplace_back(name.substr(5), value.is_number() ? value.get<double>() : std::nan(""));
      }
      if (rows > 0) point.training_loss = sum / static_cast<double>(rows);
      sum = 0, rows = 0;
      curve.points.push_back(std::move(point));
    } else if (std::isfinite(number("loss"))) {
      sum += number("loss");
      ++rows;
      curve.seconds = number("seconds");
    }
  }
  return curve;
}

std::string model_card(const FinetuneCard& card) {
  const FinetuneRecipe& recipe = card.recipe;
  std::string out =
      head(card) + concat("\n# ", card.name, "\n\n", base_name(recipe.options.model), " fine-tuned for ",
                          recipe.task, " by roberta " ROBERTA_VERSION ".\n");
  out += usage(card) + results(card);
  out += "\n## Data\n\n| | file | examples | xxh3-128 |\n|---|---|---|---|\n";
  for (const DataFile& file : card.data.files) {
    out += concat("| ", file.role, " | ", cell(file.path.filename().string()), " | ", file.examples, " | `",
                  file.hash, "` |\n");
  }
  if (recipe.dev.empty() && recipe.options.validation_fraction > 0)
    out += concat("\n", fixed(100 * recipe.options.validation_fraction, 0),
                  " % of the training data are used as dev data.\n");
  if (!card.data.label_counts.empty()) {
    out += "\n| label | in the training data |\n|---|---|\n";
    size_t shown = 0;
    for (const auto& [label, count] : card.data.label_counts) {
      if (++shown > 50) break;
      out += concat("| ", cell(label), " | ", count, " |\n");
    }
  }
  out += "\n## Training\n\n| | |\n|---|---|\n";
  for (const auto& [name, value] : card.settings) {
    if (name == "data" || name == "task") continue;
    out += concat("| ", name == "model" ? "model (xxh3-128)" : name, " | ", cell(value), " |\n");
  }
  if (card.curve.seconds > 0) out += concat("| seconds of training | ", fixed(card.curve.seconds, 0), " |\n");
  return out + curve(card);
}

std::string metrics_json(const FinetuneCard& card) {
  Json best = Json::array(), test = Json::array(), course = Json::array();
  for (const FinetuneEvaluation& one : card.result.best) best.push_back(json_of(one));
  for (const FinetuneEvaluation& one : card.result.test) test.push_back(json_of(one));
  for (const FinetuneCurve::Point& point : card.curve.points) course.push_back(json_of(point.evaluation));
  Json settings = Json::object();
  for (const auto& [name, value] : card.settings) settings[name] = value;
  Json files = Json::array();
  for (const DataFile& file : card.data.files) {
    files.push_back({{"role", file.role},
                     {"file", file.path.filename().string()},
                     {"examples", file.examples},
                     {"xxh3_128", file.hash}});
  }
  const Json json = {{"program", "roberta " ROBERTA_VERSION},
                     {"task", card.recipe.task},
                     {"seed", card.seed},
                     {"headline", card.result.primary_metric},
                     {"median", card.result.median},
                     {"mean", card.result.mean},
                     {"deviation", card.result.deviation},
                     {"best", best},
                     {"test", test},
                     {"evaluations", course},
                     {"data", files},
                     {"settings", settings}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace roberta
